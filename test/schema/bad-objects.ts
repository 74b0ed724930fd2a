import { badActions } from './bad-actions.ts';
import type { BadObject } from './bad-object.ts';
import { badPods } from './bad-pods.ts';
import { answers, events, objective, podTemplate, rollout, type Sample, source, suite } from './objects.ts';

const steps = (...weights: (number | string)[]): Sample => rollout({ steps: weights.map((weight) => ({ weight })) });

const query = { promql: 'sum(queue_depth)', op: '<', value: '100' };

export const badObjects: BadObject[] = [
  ...badPods,
  {
    name: 'more bad pods to replace than a release may have',
    because: 'a release whose pods go bad one after the other is bad itself',
    object: rollout({ replaceBadPods: 6 }),
    refused: 'spec.replaceBadPods: Invalid value: 6: spec.replaceBadPods in body should be less than or equal to 5',
    read: { field: 'spec.replaceBadPods', message: 'must be at most 5' },
  },
  {
    name: 'falling weights',
    because: 'a ladder that goes down hides a way back',
    object: steps(20, 10),
    refused: 'spec.steps: Invalid value: weights must rise from step to step',
    read: { field: 'spec.steps', message: 'weights must rise from step to step' },
  },
  {
    name: 'falling percents',
    because: 'strings are numbers here',
    object: steps('9.5%', '10%', '9.9%'),
    refused: 'spec.steps: Invalid value: weights must rise from step to step',
    read: { field: 'spec.steps', message: 'weights must rise from step to step' },
  },
  {
    name: 'equal weights of both forms',
    because: 'a step that moves nothing is a mistake',
    object: steps(5, '5%'),
    refused: 'spec.steps: Invalid value: weights must rise from step to step',
    read: { field: 'spec.steps', message: 'weights must rise from step to step' },
  },
  {
    name: 'matched users after a weight',
    because: 'whoever had a share would lose it to a few',
    object: rollout({ steps: [{ weight: 5 }, { headers: [{ name: 'x-beta', value: 'yes' }] }, { weight: 20 }] }),
    refused: 'spec.steps: Invalid value: steps with headers or mirror come first, and the last step needs a weight',
    read: { field: 'spec.steps', message: 'steps with headers or mirror come first, and the last step needs a weight' },
  },
  {
    name: 'copies as the last step',
    because: 'the bake would send nearly everybody to a canary that nobody has met',
    object: rollout({ steps: [{ mirror: { percent: 10 } }] }),
    refused: 'spec.steps: Invalid value: steps with headers or mirror come first, and the last step needs a weight',
    read: { field: 'spec.steps', message: 'steps with headers or mirror come first, and the last step needs a weight' },
  },
  {
    name: 'a step of nothing',
    because: 'it sends nobody anywhere',
    object: rollout({ steps: [{ hold: '1m' }, { weight: 20 }] }),
    refused: 'spec.steps[0]: Invalid value: give exactly one of weight, headers and mirror',
    read: { field: 'spec.steps[0]', message: 'give exactly one of weight, headers and mirror' },
  },
  {
    name: 'matched users beside a share',
    because: 'gates could not tell whose requests they count',
    object: rollout({ steps: [{ weight: 5, headers: [{ name: 'x-beta', value: 'yes' }] }] }),
    refused: 'spec.steps[0]: Invalid value: give exactly one of weight, headers and mirror',
    read: { field: 'spec.steps[0]', message: 'give exactly one of weight, headers and mirror' },
  },
  {
    name: 'a header without a value',
    because: 'every request has a header or lacks it: the value names the users',
    object: rollout({ steps: [{ headers: [{ name: 'x-beta' }] }, { weight: 5 }] }),
    refused: 'spec.steps[0].headers[0]: Invalid value: give exactly one of value and regex',
    read: { field: 'spec.steps[0].headers[0]', message: 'give exactly one of value and regex' },
  },
  {
    name: 'two kinds in one entry of traffic',
    because: 'each entry names one object',
    object: rollout({ traffic: [{ httpRoute: 'shop', grpcRoute: 'shop' }] }),
    refused:
      'spec.traffic[0]: Invalid value: give exactly one of httpRoute, grpcRoute, virtualService, traefikService, httpProxy, apisixRoute, nginxIngress and albIngress',
    read: {
      field: 'spec.traffic[0]',
      message:
        'give exactly one of httpRoute, grpcRoute, virtualService, traefikService, httpProxy, apisixRoute, nginxIngress and albIngress',
    },
  },
  {
    name: 'a namespace beside a kind that cannot name Services of others',
    because: 'its objects are looked for beside the Rollout alone',
    object: rollout({ traffic: [{ virtualService: 'shop', namespace: 'edge' }] }),
    refused:
      "spec.traffic[0].namespace: Invalid value: can only be given beside httpRoute or grpcRoute: objects of other kinds are found in the Rollout's own namespace",
    read: {
      field: 'spec.traffic[0].namespace',
      message:
        "can only be given beside httpRoute or grpcRoute: objects of other kinds are found in the Rollout's own namespace",
    },
  },
  {
    name: 'a route twice',
    because: 'one object has one weight',
    object: rollout({ traffic: [{ grpcRoute: 'shop' }, { httpRoute: 'shop' }, { grpcRoute: 'shop' }] }),
    refused: 'spec.traffic: Invalid value: must not have two entries of the same route',
    read: { field: 'spec.traffic', message: 'must not have two entries of the same route' },
  },
  {
    name: 'weight 0',
    because: 'nobody meets the canary',
    object: steps(0),
    refused: 'spec.steps[0].weight: Invalid value: 0: must be above 0% and at most 99%, such as 5 or "0.5%"',
    read: { field: 'spec.steps[0].weight', message: 'must be above 0% and at most 99%, such as 5 or "0.5%"' },
  },
  {
    name: 'weight 0%',
    because: 'the same as a string',
    object: steps('0.0%'),
    refused: 'spec.steps[0].weight: Invalid value: "0.0%": must be above 0% and at most 99%, such as 5 or "0.5%"',
    read: { field: 'spec.steps[0].weight', message: 'must be above 0% and at most 99%, such as 5 or "0.5%"' },
  },
  {
    name: 'weight 100',
    because: 'the last step is the promotion',
    object: steps(100),
    refused: 'spec.steps[0].weight: Invalid value: 100: must be above 0% and at most 99%, such as 5 or "0.5%"',
    read: { field: 'spec.steps[0].weight', message: 'must be above 0% and at most 99%, such as 5 or "0.5%"' },
  },
  {
    name: 'weight 99.5%',
    because: 'stable needs a share to be compared with',
    object: steps('99.5%'),
    refused: 'spec.steps[0].weight: Invalid value: "99.5%": must be above 0% and at most 99%, such as 5 or "0.5%"',
    read: { field: 'spec.steps[0].weight', message: 'must be above 0% and at most 99%, such as 5 or "0.5%"' },
  },
  {
    name: 'weight without a percent sign',
    because: 'half of what?',
    object: steps('5'),
    refused:
      '[spec.steps[0].weight: Invalid value: "5": spec.steps[0].weight in body should match \'^[0-9]{1,3}([.][0-9]{1,3})?%$\', spec.steps[0].weight: Invalid value: "": type conversion error from \'string\' to \'double\' evaluating rule: must be above 0% and at most 99%, such as 5 or "0.5%"]',
    read: { field: 'spec.steps[0].weight', message: 'must match /^[0-9]{1,3}([.][0-9]{1,3})?%$/' },
  },
  {
    name: 'no steps',
    because: 'left out means derived, empty means nothing',
    object: rollout({ steps: [] }),
    refused: 'spec.steps: Invalid value: 0: spec.steps in body should have at least 1 items',
    read: { field: 'spec.steps', message: 'must have at least 1 entry' },
  },
  {
    name: 'unknown field',
    because: 'a typing error must not be silent',
    object: rollout({ replica: 3 }),
    refused:
      'Rollout in version "v1alpha1" cannot be handled as a Rollout: strict decoding error: unknown field "spec.replica"',
  },
  {
    name: 'duration in days',
    because: 'Go durations have none',
    object: rollout({ progressDeadline: '1d' }),
    refused: 'spec.progressDeadline: Invalid value: "1d": must be a duration such as 90s, 1m30s or 250ms',
    read: { field: 'spec.progressDeadline', message: 'must be a duration such as 90s, 1m30s or 250ms' },
  },
  {
    name: 'template without the selector',
    because: 'its pods would be nobody’s',
    object: rollout({ template: podTemplate({ app: 'other' }) }),
    refused:
      'spec.template.metadata.labels: Invalid value: template.metadata.labels must contain every label of selector.matchLabels with the same value',
    read: {
      field: 'spec.template.metadata.labels',
      message: 'template.metadata.labels must contain every label of selector.matchLabels with the same value',
    },
  },
  {
    name: 'template with our labels',
    because: 'arms are ours to give',
    object: rollout({ template: podTemplate({ app: 'shop', 'headgate.dev/stable': 'true' }) }),
    refused:
      'spec.template.metadata.labels: Invalid value: labels that begin with headgate.dev/ are set by the operator: remove them from template and selector',
    read: {
      field: 'spec.template.metadata.labels',
      message: 'labels that begin with headgate.dev/ are set by the operator: remove them from template and selector',
    },
  },
  {
    name: 'empty selector',
    because: 'it would select everything',
    object: rollout({ selector: { matchLabels: {} } }),
    refused: 'spec.selector.matchLabels: Invalid value: must have at least one label',
    read: { field: 'spec.selector.matchLabels', message: 'must have at least one label' },
  },
  {
    name: 'targetSpend above maxSpend',
    because: 'the release would fail before its first doubt',
    object: rollout({ budget: { targetSpend: '2%' } }),
    refused: 'spec.budget: Invalid value: targetSpend must be at most maxSpend',
    read: { field: 'spec.budget', message: 'targetSpend must be at most maxSpend' },
  },
  {
    name: 'a control of most',
    because: 'then it is no bake',
    object: rollout({ bake: { control: 51 } }),
    refused: 'spec.bake.control: Invalid value: 51: must be from 0% to 50%, such as 5 or "2.5%"',
    read: { field: 'spec.bake.control', message: 'must be from 0% to 50%, such as 5 or "2.5%"' },
  },
  {
    name: 'a bake of days',
    because: 'Go durations have none',
    object: rollout({ bake: { for: '1d' } }),
    refused: 'spec.bake.for: Invalid value: "1d": must be a duration such as 90s, 1m30s or 250ms',
    read: { field: 'spec.bake.for', message: 'must be a duration such as 90s, 1m30s or 250ms' },
  },
  {
    name: 'a whole budget to begin with',
    because: 'one failure in weeks would end all releases',
    object: rollout({ budget: { preflightRemaining: 100 } }),
    refused: 'spec.budget.preflightRemaining: Invalid value: 100: must be from 0% to 99%, such as "10%"',
    read: { field: 'spec.budget.preflightRemaining', message: 'must be from 0% to 99%, such as "10%"' },
  },
  {
    name: 'a mode without a group',
    because: 'it would do nothing',
    object: rollout({ groupMode: 'Attribute' }),
    refused: 'spec.groupMode: Invalid value: groupMode needs group: name the group, or leave groupMode out',
    read: { field: 'spec.groupMode', message: 'groupMode needs group: name the group, or leave groupMode out' },
  },
  {
    name: 'a group that is no name',
    because: 'it would never match another',
    object: rollout({ group: 'Shop Path' }),
    refused: 'spec.group: Invalid value: "Shop Path": must be a name of lower case letters, digits and "-"',
    read: { field: 'spec.group', message: 'must be a name of lower case letters, digits and "-"' },
  },
  {
    name: 'a signal that retreats',
    because: 'a Signal may hold, and no more',
    object: rollout({ gates: [{ slo: 'a', role: 'Signal', onNoData: 'Retreat' }] }),
    refused:
      'spec.gates[0].onNoData: Invalid value: only a Guardrail may retreat on NoData: use Hold or Pause, or make it a Guardrail',
    read: {
      field: 'spec.gates[0].onNoData',
      message: 'only a Guardrail may retreat on NoData: use Hold or Pause, or make it a Guardrail',
    },
  },
  {
    name: 'a warm-up of ten minutes',
    because: 'a canary that is not looked at for so long is not guarded',
    object: rollout({ gates: [{ slo: 'a', warmUp: '10m' }] }),
    refused: 'spec.gates[0].warmUp: Invalid value: "10m": must be at most 5m',
    read: { field: 'spec.gates[0].warmUp', message: 'must be at most 5m' },
  },
  {
    name: 'the warm-up of a query',
    because: 'nobody knows which processes a query counts',
    object: rollout({ gates: [{ name: 'queue', query, warmUp: '30s' }] }),
    refused: 'spec.gates[0].warmUp: Invalid value: a query counts by no process: warmUp is for an SLO',
    read: { field: 'spec.gates[0].warmUp', message: 'a query counts by no process: warmUp is for an SLO' },
  },
  {
    name: 'the usual of no week',
    because: 'a median of nothing is none',
    object: objective({
      objective: undefined,
      sli: {
        business: { exposure: { metric: 'sessions' }, events: { metric: 'orders' }, seasonal: { weeks: 0 } },
      },
    }),
    refused:
      'spec.sli.business.seasonal.weeks: Invalid value: 0: spec.sli.business.seasonal.weeks in body should be greater than or equal to 1',
    read: { field: 'spec.sli.business.seasonal.weeks', message: 'must be at least 1' },
  },
  {
    name: 'one SLO twice',
    because: 'two gates of one name cannot be told apart',
    object: rollout({ gates: [{ slo: 'a' }, { slo: 'a' }] }),
    refused: 'spec.gates: Invalid value: must not have two gates of the same name',
    read: { field: 'spec.gates', message: 'must not have two gates of the same name' },
  },
  {
    name: 'a query that is called like an SLO',
    because: 'readings are kept apart by the name of their gate',
    object: rollout({ gates: [{ slo: 'a' }, { name: 'a', query }] }),
    refused: 'spec.gates: Invalid value: must not have two gates of the same name',
    read: { field: 'spec.gates', message: 'must not have two gates of the same name' },
  },
  {
    name: 'a gate of nothing',
    because: 'it would pass for ever or never',
    object: rollout({ gates: [{ role: 'Signal' }] }),
    refused: 'spec.gates[0]: Invalid value: give exactly one of slo and query',
    read: { field: 'spec.gates[0]', message: 'give exactly one of slo and query' },
  },
  {
    name: 'a query without a name',
    because: 'its reading would have none',
    object: rollout({ gates: [{ query }] }),
    refused: 'spec.gates[0].name: Invalid value: a query needs a name, and an SLO brings its own',
    read: { field: 'spec.gates[0].name', message: 'a query needs a name, and an SLO brings its own' },
  },
  {
    name: 'a query that ends releases',
    because: 'a number against a limit has no error bounds',
    object: rollout({ gates: [{ name: 'queue', query, role: 'Guardrail' }] }),
    refused:
      'spec.gates[0].role: Invalid value: a query is at most a Signal: it has no error bounds, and ends no release',
    read: {
      field: 'spec.gates[0].role',
      message: 'a query is at most a Signal: it has no error bounds, and ends no release',
    },
  },
  {
    name: 'more failures than ticks',
    because: 'it could never fail',
    object: rollout({ gates: [{ name: 'queue', query: { ...query, failures: 6 } }] }),
    refused: 'spec.gates[0].query.failures: Invalid value: failures must be at most window',
    read: { field: 'spec.gates[0].query.failures', message: 'failures must be at most window' },
  },
  {
    name: 'a limit that is no number',
    because: 'nothing would be below it',
    object: rollout({ gates: [{ name: 'queue', query: { ...query, value: 'ten' } }] }),
    refused: 'spec.gates[0].query.value: Invalid value: "ten": must be a number as a string, such as "0.5"',
    read: { field: 'spec.gates[0].query.value', message: 'must be a number as a string, such as "0.5"' },
  },
  {
    name: 'unknown role',
    because: 'an unknown word is an error, never a default',
    object: rollout({ gates: [{ slo: 'a', role: 'Guard' }] }),
    refused:
      '[spec.gates[0].role: Unsupported value: "Guard": supported values: "Guardrail", "Signal", "Advisory", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
    read: { field: 'spec.gates[0].role', message: 'must be one of Guardrail, Signal, Advisory' },
  },
  {
    name: 'long name',
    because: 'pod names are made from it',
    object: { ...rollout(), metadata: { name: 'x'.repeat(53) } },
    refused:
      '<nil>: Invalid value: the name must have at most 52 characters: the names of its ReplicaSets and their pods are made from it',
  },
  {
    name: 'objective 100',
    because: 'no budget could ever be spent',
    object: objective({ objective: '100' }),
    refused:
      'spec.objective: Invalid value: "100": must be a percent from 50 up to but without 100, as a string without sign: "99.9"',
    read: {
      field: 'spec.objective',
      message: 'must be a percent from 50 up to but without 100, as a string without sign: "99.9"',
    },
  },
  {
    name: 'bad and good',
    because: 'one follows from the other',
    object: events({ good: { metric: 'ok_total' } }),
    refused: 'spec.sli.events: Invalid value: give exactly one of bad and good',
    read: { field: 'spec.sli.events', message: 'give exactly one of bad and good' },
  },
  {
    name: 'a built-in latency without its threshold',
    because: 'nothing says what is slow',
    object: objective({ sli: { builtin: { kind: 'http-latency', gateway: 'traefik' } } }),
    refused: 'spec.sli.builtin.threshold: Invalid value: is needed for http-latency, and for nothing else',
    read: { field: 'spec.sli.builtin.threshold', message: 'is needed for http-latency, and for nothing else' },
  },
  {
    name: 'a gateway that the catalogue does not know',
    because: 'an unknown kind is an error, never a default',
    object: objective({ sli: { builtin: { kind: 'http-availability', gateway: 'haproxy' } } }),
    refused:
      '[spec.sli.builtin.gateway: Unsupported value: "haproxy": supported values: "traefik", "envoy-gateway", "istio", "contour", "linkerd", "nginx", "app", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
    read: {
      field: 'spec.sli.builtin.gateway',
      message: 'must be one of traefik, envoy-gateway, istio, contour, linkerd, nginx, app',
    },
  },
  {
    name: 'a pass rate, and pairs',
    because: 'one is held against a number, the other against stable',
    object: answers({ passRate: '95%', paired: true }),
    refused:
      'spec.sli.probe.passRate: Invalid value: holds whatever stable does: remove paired and tolerate, or remove passRate',
    read: {
      field: 'spec.sli.probe.passRate',
      message: 'holds whatever stable does: remove paired and tolerate, or remove passRate',
    },
  },
  {
    name: 'a pass rate, and what is tolerated',
    because: 'two numbers for one question',
    object: answers({ passRate: 95, tolerate: '5%' }),
    refused:
      'spec.sli.probe.passRate: Invalid value: holds whatever stable does: remove paired and tolerate, or remove passRate',
    read: {
      field: 'spec.sli.probe.passRate',
      message: 'holds whatever stable does: remove paired and tolerate, or remove passRate',
    },
  },
  {
    name: 'a pass rate of 100 %',
    because: 'no number of answers proves it',
    object: answers({ passRate: '100%' }),
    refused: 'spec.sli.probe.passRate: Invalid value: "100%": must be from 50% to 99.9%, such as "95%"',
    read: { field: 'spec.sli.probe.passRate', message: 'must be from 50% to 99.9%, such as "95%"' },
  },
  {
    name: 'probes with an objective',
    because: 'they are no requests of users and burn no budget',
    object: objective({ sli: { probe: { suite: 'prompts' } } }),
    refused:
      'spec.objective: Invalid value: is needed for builtin, events and latency, and not for business, pairs and probe, which are compared with stable alone',
    read: {
      field: 'spec.objective',
      message:
        'is needed for builtin, events and latency, and not for business, pairs and probe, which are compared with stable alone',
    },
  },
  {
    name: 'probes beside a latency',
    because: 'which of the two would be judged',
    object: objective({
      objective: undefined,
      sli: { probe: { suite: 'prompts' }, latency: { histogram: { metric: 'a' }, threshold: '1s' } },
    }),
    refused: 'spec.sli: Invalid value: give exactly one of builtin, events, latency, business, pairs and probe',
    read: { field: 'spec.sli', message: 'give exactly one of builtin, events, latency, business, pairs and probe' },
  },
  {
    name: 'neither bad nor good',
    because: 'nothing could be counted',
    object: objective({ sli: { events: { total: { metric: 'a' } } } }),
    refused: 'spec.sli.events: Invalid value: give exactly one of bad and good',
    read: { field: 'spec.sli.events', message: 'give exactly one of bad and good' },
  },
  {
    name: 'namespace matcher',
    because: 'the operator adds it',
    object: events({ total: { metric: 'a', matchers: [{ label: 'namespace', value: 'b' }] } }),
    refused:
      'spec.sli.events.total.matchers[0].label: Invalid value: matchers on namespace and pod are added by the operator: remove this one',
    read: {
      field: 'spec.sli.events.total.matchers[0].label',
      message: 'matchers on namespace and pod are added by the operator: remove this one',
    },
  },
  {
    name: 'window of minutes',
    because: 'no budget is that short',
    object: objective({ window: { rolling: '5m' } }),
    refused: 'spec.window.rolling: Invalid value: "5m": must be from 1h to 400d, such as 28d',
    read: { field: 'spec.window.rolling', message: 'must be from 1h to 400d, such as 28d' },
  },
  {
    name: 'url with a password',
    because: 'secrets belong into Secrets',
    object: source({ prometheus: { url: 'http://me:pw@prometheus' } }),
    refused:
      'spec.prometheus.url: Invalid value: "http://me:pw@prometheus": must be an address such as http://prometheus:9090, without user, query or fragment: credentials go into auth',
    read: {
      field: 'spec.prometheus.url',
      message:
        'must be an address such as http://prometheus:9090, without user, query or fragment: credentials go into auth',
    },
  },
  {
    name: 'two kinds of auth',
    because: 'which one?',
    object: source({
      prometheus: {
        url: 'http://p',
        auth: { bearer: { namespace: 'a', name: 'b' }, basic: { namespace: 'a', name: 'b' } },
      },
    }),
    refused: 'spec.prometheus.auth: Invalid value: give exactly one of bearer and basic',
    read: { field: 'spec.prometheus.auth', message: 'give exactly one of bearer and basic' },
  },
  {
    name: 'a tenant of a server without tenants',
    because: 'it would be sent and ignored',
    object: source({ prometheus: { url: 'http://p', tenant: 'team-a' } }),
    refused: 'spec.prometheus.tenant: Invalid value: is for flavour Mimir alone',
    read: { field: 'spec.prometheus.tenant', message: 'is for flavour Mimir alone' },
  },
  {
    name: 'GET with a body',
    because: 'many servers drop it',
    object: suite({ body: 'x' }),
    refused: 'spec.requests[0].http: Invalid value: GET and HEAD have no body: remove body or use another method',
    read: { field: 'spec.requests[0].http', message: 'GET and HEAD have no body: remove body or use another method' },
  },
  ...badActions,
];
