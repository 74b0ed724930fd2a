import type { Millis, Weight } from '#lib/units.ts';

/** The five answers of a gate. Only `Pass` moves a release forward and only `Fail` stops it; the rest hold it. */
export type Verdict = 'Pass' | 'Fail' | 'Inconclusive' | 'NoData' | 'Error';

/** Why a verdict is what it is, where the word alone leaves a choice open. */
export type Cause =
  | 'Worse' // the canary's error odds are above stable's: two-arm stop test
  | 'ObjectiveMissed' // the canary alone burns too fast, and there is no control to compare with
  | 'DarkCanary' // requests were due on the canary and none finished
  | 'BothArmsBad' // stable misses its objective too: nobody is blamed
  | 'SinglePod' // one of three or more canary pods supplies most of the excess: replace it
  | 'Threshold' // a query missed its limit too often
  | 'BudgetSpent' // the release burnt more than budget.maxSpend
  | 'SampleRatio' // the gateway sends the canary another share of the requests than the route says
  | 'WarmingUp' // a canary pod is too young for its counts to be evidence
  | 'TooFewSamples' // healthy so far, not yet enough to say so
  | 'NoTraffic' // the source answers, stable serves nothing
  | 'NoResult' // the source answers, and the query gives nothing
  | 'NotScraped' // a canary pod has no scrape target
  | 'ScrapedTwice' // a canary pod has more than one scrape target
  | 'Stale' // the newest sample is older than three scrapes
  | 'CatchingUp' // ticks missed while the operator was away are still being read
  | 'SourceDown' // the source does not answer
  | 'BadQuery'; // the source refuses the query or answers nonsense

export type GateRole = 'Guardrail' | 'Signal' | 'Advisory';

/** What a gate without data does to a release whose canary has traffic. */
export type OnNoData = 'Hold' | 'Pause' | 'Retreat';

/** What one gate says at one tick, with what it takes to check it by hand. */
export interface GateReading {
  /** Name of the gate in the spec: the name of its ServiceLevelObjective. */
  gate: string;
  role: GateRole;
  /** The `epoch` and `stepEpoch` of the context it was judged in: a reading of an earlier step decides nothing now. */
  epoch: string;
  stepEpoch: string;
  verdict: Verdict;
  cause?: Cause;
  /** With `SinglePod`: its name. */
  pod?: string;
  /** One sentence for people, with figures; same input, same bytes. */
  message: string;
  /** Does stable meet the objective by itself now? The first raise and every return from 0 ask for `Meets`. */
  stable: 'Meets' | 'Misses' | 'Unknown';
  evidence: Evidence;
  /** How the whole service does by the same hour of earlier weeks, once that was asked. It decides nothing. */
  season?: Season;
  /** What its newest reading took of the source; undefined before the first. */
  cost?: GateCost;
}

/** The whole service, both arms, against the same hour of earlier weeks. */
export interface Season {
  /** One sentence, which ends the gate's own message; also where there is nothing to compare. */
  message: string;
  /** What is earned now as a part of what is usual, e.g. 0.88; left out where that cannot be told. */
  ratio?: number;
}

/** What reading a gate took of its source. Of a query that several gates share, each bears its part. */
export interface GateCost {
  queries: number;
  /** Series that were its own. */
  series: number;
  /** Of the decompressed answers. */
  bytes: number;
  /** Time that the source took to answer. */
  seconds: number;
}

/** Counts and statistics behind a reading. All since the attempt began, unless the name says otherwise. */
export interface Evidence {
  /** End of the last tick counted, or 0 before the first. */
  at: Millis;
  ticks: number;
  canary: Counts;
  stable: Counts;
  /** Those of the canary's that were copies, whose answers no user saw; left out where there were none. */
  copied?: Counts;
  /** Natural log of the stop test's e-value, and the line at which it stops the release. */
  stopLogE: number;
  stopLimit: number;
  /** φ by which the logs are divided, because stable's own pods differ more than by chance; left out when it is 1. */
  dispersion?: number;
  /** Natural log of the advance test's likelihood ratio since this step arrived, and the line it must pass. */
  advanceLogE: number;
  advanceLimit: number;
  /** Excess error ratio that the advance test excludes at this step. */
  advanceExcess: number;
  /** Counts since this step arrived. */
  step: { canary: Counts; stable: Counts };
  /** Requests of users finished per second in the last counted tick, both arms. */
  rps: number;
  /** Canary's share of finished requests since the step arrived (0 to 1), once there were any. */
  share?: number;
  /** Share of the SLO's whole error budget that this release burnt so far, e.g. 0.001 is 0.1 %. */
  spend: number;
  /** What the next weight would add to it; left out where there is none, and before there is any evidence. */
  forecast?: SpendForecast;
}

/** What the next weight is going to burn. Shares of the SLO's whole error budget. */
export interface SpendForecast {
  /** The weight that is planned. */
  weight: Weight;
  /** If the canary goes on as it was seen at this step. */
  expected: number;
  /** If its excess is the largest that the evidence of this step leaves open. */
  pessimistic: number;
  /** What is left of `budget.maxSpend`. */
  left: number;
  /** The pessimistic figure passes what is left: the raise waits. */
  holds: boolean;
}

export interface Counts {
  total: number;
  bad: number;
}

/** A structured series selector: no PromQL to get wrong, and a namespace can be forced in. */
export interface Selector {
  metric: string;
  matchers: Matcher[];
}

export interface Matcher {
  label: string;
  op: '=' | '!=' | '=~' | '!~';
  value: string;
}

/** What an objective counts: each kind is judged by the gate kind of the same name. */
export type Sli = CountedSli | QuerySli | ProbeSli;

/** SLIs that come down to counters. */
export type CountedSli = EventsSli | LatencySli | BusinessSli;

export interface EventsSli {
  kind: 'events';
  /** Events that count, all of them. */
  total: Selector;
  /** Exactly one of bad and good is given. */
  bad?: Selector;
  good?: Selector;
}

/** Requests slower than the threshold are bad. */
export interface LatencySli {
  kind: 'latency';
  /** The histogram by its name without `_bucket`. */
  histogram: Selector;
  /** In the unit of the histogram, mostly seconds; one of its bucket bounds. */
  threshold: number;
  form: 'Classic' | 'Native';
}

/** What users do, per exposure: orders per session, revenue per request. */
export interface BusinessSli {
  kind: 'business';
  exposure: Selector;
  /** Exactly one of events (they are counted) and value (a counter whose growth is summed) is given. */
  events?: Selector;
  value?: Selector;
  /** Which way is the wrong one. */
  worse: 'Lower' | 'Higher';
  /** Relative regression that is tolerated, e.g. 0.2 is a fifth. */
  tolerate: number;
  /** How long after its exposure an event comes. */
  lagMs: Millis;
  /** Tell how events or value compare with this hour of so many earlier weeks. Advisory alone. */
  seasonal?: { weeks: number };
  /**
   * The canary's pods compare their own answers with stable's, prompt by prompt: `exposure` counts those where theirs was
   * better and `events` those where it was worse.
   */
  paired?: true;
}

/** A number that a person's PromQL gives, compared with a limit at every tick. It is told apart by no arm. */
export interface QuerySli {
  kind: 'query';
  promql: string;
  /** What is good: the number is `op` than `value`. */
  op: '<' | '<=' | '>' | '>=';
  value: number;
  /** It fails after so many bad ticks among the last `window`, and passes after as many good ones. */
  failures: number;
  window: number;
}

/** Answers to synthetic requests of a suite, each sent to a pod of both arms at the same moment. */
export interface ProbeSli {
  kind: 'probe';
  /** Name of the ProbeSuite. */
  suite: string;
  /** Names of its requests that count, in the suite's order. */
  checks: string[];
  /** How often each is sent to each arm in one round. All samples of a round are one cluster: their mean counts once. */
  samples: number;
  /** The longest time from one answer to the next: the suite's interval and its longest timeout. */
  everyMs: Millis;
  /** Excess failure ratio over stable that must be excluded before the last step is left, e.g. 0.05. */
  tolerate: number;
  /** Share of answers that must be right, whatever stable does, e.g. 0.95; then `tolerate` says nothing. */
  passRate?: number;
  /** Only answers count in which the arms differ: for prompts that are not equally hard. */
  paired?: true;
}

/**
 * How the evidence of the arms is told apart: by the pods of the release, or by a label of an edge metric, whose values
 * are regular expressions (RE2) that match as a whole.
 */
export type ArmSplit = { by: 'Pod' } | LabelSplit;

export interface LabelSplit {
  by: 'Label';
  label: string;
  stable: string;
  canary: string;
  /** All that is counted was dealt out by the routes: the shares of the arms can be held against the weight. */
  exact?: true;
}

/** A ServiceLevelObjective as gates use it. */
export interface Slo {
  name: string;
  sli: Sli;
  arms: ArmSplit;
  /** Share of events that must be good, e.g. 0.995. A business SLI has none: 0. */
  objective: number;
  /** Length of the rolling budget window. */
  windowMs: Millis;
  /** Name of the MetricSource; undefined means the cluster's default. */
  source?: string;
}

/** One entry of a Rollout's `gates`, with its SLO resolved. */
export interface Gate {
  name: string;
  role: GateRole;
  slo: Slo;
  /** Excess error ratio over stable that is tolerated when leaving the last step. Default 1 − objective. */
  tolerate: number;
  /** How long the gate may hold a step without a Pass before the release pauses. */
  maxWaitMs: Millis;
  /** What a process of either arm counts within this time of its start is no evidence. By pods alone. Default 0. */
  warmUpMs?: Millis;
  /** Hold waits, up to maxWaitMs. Pause and Retreat act at the first NoData or Error. Default Hold. */
  onNoData?: OnNoData;
}

/** What a gate must know about the release to fold ticks and to judge. Changes of `epoch` and `stepEpoch` restart tests. */
export interface GateContext {
  gate: Gate;
  /** Names the attempt: fresh stop evidence when it changes. */
  epoch: string;
  /** Names the attempt and the step that has arrived: fresh advance evidence when it changes. */
  stepEpoch: string;
  /** When it began, where another one of the same release came before it. */
  begunAt?: Millis;
  /** 1 for the first attempt of this revision. The advance test needs 2^(attempt−1)/β. */
  attempt: number;
  /** Weight that the route carries now, and the one that a Pass would allow; undefined when leaving the last step. */
  weight: Weight;
  nextWeight?: Weight;
  /** Where a Pass leads from here, the bake included, and for how long at least; undefined where nothing follows. */
  next?: { weight: Weight; holdMs: Millis };
  /** When the last raise took hold, which a crash may put long after its record; undefined at weight 0. */
  raisedAt?: Millis;
  /** One route carries less than another, down to 0, and some route sends users to the canary all the same. */
  exposed?: true;
  /** The canary gets copies of requests and nothing else: no user sees what it answers. */
  copied?: true;
  /** False while no user traffic is due on the canary (weight 0, or the step has not arrived). */
  arrived: boolean;
  /** Pods of the canary serve behind stable's Service too: a gateway's counts cannot tell the arms apart any more. */
  mixed?: boolean;
  /** No route sends a weight to the canary: it gets its share of connections, and no request is due on it by a weight. */
  unrouted?: boolean;
  /** Gateways keep users on the arm that they met first, so the share of requests follows the weight late, or hardly. */
  sticky?: boolean;
  /** Scrape + tick + routing: what passes between a fault and weight 0. */
  reactionMs: Millis;
  tickMs: Millis;
  /** Scrape interval of the source, where it is longer than a tick: samples may be that much older. Default tickMs. */
  scrapeMs?: Millis;
  /** This gate's part of the chance to stop a good release. Default 0.02; several guardrails share it. */
  alpha?: number;
  /** Share of the budget that one undetected fault may burn at the next weight, e.g. 0.001. */
  targetSpend: number;
  /** The release fails once it burnt this share of the budget, e.g. 0.01. */
  maxSpend: number;
}
