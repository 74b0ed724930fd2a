import { printCount, printDuration, printShare, printWeight } from '#core/figures.ts';
import type { Slo } from '#core/gate.ts';
import { record } from '#core/raw.ts';
import { foreseeSteps, type StepForesight } from '#gates/foresight.ts';
import { deriveWeights } from '#gates/ramp.ts';
import { DEPLOYMENT, SERVICE_LEVEL_OBJECTIVE } from '#kube/resources.ts';
import type { Millis } from '#lib/units.ts';
import { parsePercent, WHOLE } from '#lib/units.ts';
import { climbable } from '#schema/traffic.ts';
import { type RolloutWish, readRollout } from '#schema/translate.ts';
import { readSlo } from '#schema/translate-inputs.ts';
import { deploymentNameOf } from '#schema/workload-ref.ts';
import { CliError, type ExitCode, exit } from './exit.ts';
import { findRollout, type ScopeFlags } from './find.ts';
import { type OutputFormat, printDocument } from './print.ts';
import { readDocuments } from './slo/documents.ts';
import { type Column, drawTable } from './table.ts';
import type { World } from './world.ts';

/** Scrape interval and tick of a cluster as most are: what is not known here is assumed and said. */
const SCRAPE_MS: Millis = 15_000;
const TICK_MS: Millis = 15_000;
const HOLD_MS: Millis = 60_000;

export interface PlanFlags extends ScopeFlags {
  filename?: string[];
  /** Requests per second of the Service. */
  rps: number;
  /** Error ratio of stable, as a percent. */
  base: string;
  output: OutputFormat;
}

type Objective = Pick<Slo, 'name' | 'objective' | 'windowMs'>;

interface Planned {
  slo: string;
  derived: boolean;
  reactionMs: Millis;
  steps: StepForesight[];
}

/** `plan`: what each step can and cannot see with the traffic there is, and how long it needs. */
export async function plan(name: string | undefined, flags: PlanFlags, world: World): Promise<ExitCode> {
  const base = parsePercent(flags.base);
  if (base === undefined) throw new CliError('--base must be a percent such as 0.1%', exit.usage);
  const { wish, slos } = await inputsOf(name, flags, world);
  const budgeted = slos.filter(({ objective }) => objective > 0);
  if (budgeted.length === 0)
    throw new CliError('the Rollout has no gate with an objective: there is nothing to foresee');
  const plans = budgeted.map((slo) => planOf(slo, wish, { slos: budgeted, rps: flags.rps, base: base / WHOLE }));
  if (flags.output === 'json' || flags.output === 'yaml')
    world.out.write(printDocument({ items: plans }, flags.output));
  else for (const one of plans) world.out.write(drawPlan(one, world.out.columns));
  return exit.ok;
}

interface Traffic {
  slos: Objective[];
  rps: number;
  base: number;
}

function planOf(slo: Objective, { spec, steps, budget, gates }: RolloutWish, { slos, rps, base }: Traffic): Planned {
  const reactionMs = SCRAPE_MS + TICK_MS + spec.settleMs;
  const { targetSpend } = budget;
  const weights = deriveWeights({ slos, rps, reactionMs, targetSpend });
  const given = steps ?? weights.map((weight) => ({ weight, holdMs: HOLD_MS }));
  const taken = climbable({ steps: given }, spec).steps;
  const tolerate = gates.find((gate) => gate.slo === slo.name)?.tolerate ?? 1 - slo.objective;
  const { objective, windowMs } = slo;
  const foreseen = foreseeSteps({ steps: taken, rps, base, tolerate, objective, windowMs, targetSpend, reactionMs });
  return { slo: slo.name, derived: steps === undefined, reactionMs, steps: foreseen };
}

function drawPlan({ slo, derived, reactionMs, steps }: Planned, columns: number | undefined): string {
  const table: Column<[number, StepForesight]>[] = [
    { title: 'STEP', cell: ([index]) => `${index + 1}/${steps.length}` },
    { title: 'WEIGHT', align: 'right', cell: ([, { weight }]) => printWeight(weight) },
    { title: 'REQUESTS IN HOLD', align: 'right', cell: ([, { requests }]) => printCount(requests) },
    {
      title: 'SEES',
      align: 'right',
      cell: ([, { sees }]) => (sees === undefined ? 'nothing' : `+${printShare(sees)}`),
    },
    { title: 'MUST EXCLUDE', align: 'right', cell: ([, { excludes }]) => `+${printShare(excludes)}` },
    { title: 'NEEDS', align: 'right', cell: ([, { needsMs }]) => timeOf(needsMs) },
  ];
  const head = `${slo}: ${derived ? 'steps derived' : 'steps as given'}, reaction ${printDuration(reactionMs)}\n`;
  const all = steps.reduce((sum, { needsMs }) => sum + needsMs, 0);
  const foot = `Median evidence for the whole ladder: ${timeOf(all)}, holds not counted.\n`;
  return head + drawTable([...steps.entries()], table, columns) + foot;
}

function timeOf(ms: Millis): string {
  return Number.isFinite(ms) ? printDuration(Math.max(1000, ms)) : 'for ever';
}

interface Inputs {
  wish: RolloutWish;
  slos: Objective[];
}

async function inputsOf(name: string | undefined, flags: PlanFlags, world: World): Promise<Inputs> {
  const { filename = [] } = flags;
  if ((name === undefined) === (filename.length === 0)) {
    throw new CliError('name a Rollout of the cluster, or files with -f: one of the two', exit.usage);
  }
  return name === undefined ? fromFiles(filename, world) : fromCluster(name, flags, world);
}

async function fromFiles(names: readonly string[], world: World): Promise<Inputs> {
  const sources = await Promise.all(names.map(async (name) => ({ name, text: await world.read(name) })));
  const objects = readDocuments(sources).map(({ value }) => value as { kind?: unknown });
  const rollouts = objects.filter(({ kind }) => kind === 'Rollout');
  if (rollouts.length !== 1) throw new CliError(`the files hold ${rollouts.length} Rollouts: give exactly one`);
  return inputs(
    rollouts[0],
    objects.filter(({ kind }) => kind === 'ServiceLevelObjective'),
    objects.filter(({ kind }) => kind === 'Deployment'),
  );
}

async function fromCluster(name: string, flags: PlanFlags, world: World): Promise<Inputs> {
  const cluster = await world.connect(flags);
  try {
    const namespace = flags.namespace ?? cluster.namespace;
    const { rollout } = await findRollout(cluster, { name, namespace });
    const named = deploymentNameOf(rollout);
    const ref = { resource: DEPLOYMENT, namespace, name: named ?? '' };
    const deployment = named === undefined ? undefined : await cluster.api.get(ref);
    return inputs(rollout, await cluster.api.list(SERVICE_LEVEL_OBJECTIVE, namespace), [deployment]);
  } finally {
    await cluster.close();
  }
}

function inputs(rollout: unknown, objectives: readonly unknown[], deployments: readonly unknown[]): Inputs {
  const named = deploymentNameOf(rollout);
  const deployment = deployments.find((object) => record(object, 'metadata')['name'] === named);
  const wish = readRollout(rollout, deployment);
  if (!wish.ok) throw new CliError(wish.problems.map(({ field, message }) => `${field}: ${message}`).join('\n'));
  const known = new Map<string, Objective>();
  for (const object of objectives) {
    const read = readSlo(object);
    if (read.ok) known.set(read.value.name, read.value);
  }
  const slos = wish.gates.map(({ slo }) => {
    const found = known.get(slo);
    if (found === undefined) throw new CliError(`ServiceLevelObjective ${slo} is missing or cannot be read`);
    return found;
  });
  return { wish, slos };
}
