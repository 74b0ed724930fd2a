import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readState } from '#schema/translate.ts';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { run } from '../lab/run.ts';
import { repoRoot } from '../lab/tools.ts';
import { waitFor } from '../lab/wait.ts';
import { tell } from './support/figures.ts';
import { openJournal } from './support/journal.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { rolloutOf } from './support/shop.ts';
import { applyAll, openStage, type Stage } from './support/stage.ts';
import { isPromoted, releaseOf } from './support/story.ts';

/** The operator is upgraded in the middle of a release: the build of the previous commit begins it, this tree ends it. */

const lab = connectLab(inject('lab'));
const folder = mkdtempSync(join(tmpdir(), 'headgate-upgrade-'));
const before = process.env['HEADGATE_UPGRADE_FROM'] ?? 'HEAD~1';
let stage: Stage;
let program: string;

beforeAll(async () => {
  stage = await openStage(lab, 'upgrade');
  program = await buildOf(before);
});
afterAll(async () => {
  await installCrds();
  await stage.close();
  await run(['git', 'worktree', 'remove', '--force', join(folder, 'tree')], { cwd: repoRoot });
  rmSync(folder, { recursive: true, force: true });
});

/** The bundle of an earlier commit. A clone without it (shallow, or no clone at all) builds this tree, and says so. */
async function buildOf(commit: string): Promise<string> {
  const tree = join(folder, 'tree');
  const taken = await run(['git', 'worktree', 'add', '--detach', tree, commit], { cwd: repoRoot });
  const from = taken.code === 0 ? tree : repoRoot;
  if (taken.code === 0) symlinkSync(join(repoRoot, 'node_modules'), join(tree, 'node_modules'));
  else console.warn(`upgrade: NOT FROM ${commit}, which this clone does not have; from a second build of this tree`);
  const out = join(folder, 'headgate.js');
  const entry = join(from, 'src/main.ts');
  const built = await run(
    [
      join(repoRoot, 'node_modules/.bin/esbuild'),
      ...[entry, '--bundle', '--platform=node', '--format=esm', `--outfile=${out}`, '--log-level=error'],
      "--banner:js=import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    ],
    { cwd: from },
  );
  if (built.code !== 0) throw new Error(`esbuild ${entry}: ${built.stderr}`);
  return out;
}

test('an upgrade on the second step: no step twice, no weight lost, no request lost', async () => {
  const old = await stage.startOperator({ program, environment: patientLease });
  const steps = [5, 20, 50].map((weight) => ({ weight, hold: '5s' }));
  const app = await stage.open({ name: 'aged', image: 'lab/shop:v1', replicas: 2, objective: '95', steps });
  const journal = openJournal(lab, app.spec);
  await journal.catchUp();
  const since = journal.mark();
  const load = await app.load(60, { service: 20 });
  await app.apply({ image: 'lab/shop:v2' });
  const left = await app.until(
    'to hold step 2',
    ({ status }) => status?.state?.release?.stage === 'Holding' && status.state.release.step === 1,
    180,
  );
  await old.end('SIGTERM');
  await stage.startOperator({ environment: patientLease });
  await app.until('promoted', isPromoted, 240);
  await journal.catchUp();
  const ladder = journal.ladder(since);
  const overgrants = journal.overgrants(since);
  await journal.close();
  const report = await load.stop();
  const release = await releaseOf(app);

  expect(left.status?.state?.release?.weight).toBe(20_000);
  // kills: a start that takes traffic back, or begins the release again.
  expect(ladder).toEqual([0, 5000, 20_000, 50_000, 0]);
  expect(overgrants).toEqual([]);
  expect(release).toMatchObject({ spec: { attempt: 1 }, status: { outcome: 'Promoted' } });
  expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  tell('upgrade', report, { from: before, ladder });
});

const recordedCrds = join(repoRoot, 'test/upgrades/crds/aa3b920.jsonl');
const recordedReleases = join(repoRoot, 'test/upgrades/recorded/aa3b920.jsonl');
const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n');

async function installCrds(): Promise<void> {
  await kubectl(lab, 'apply', '--server-side', '--force-conflicts', '-k', join(repoRoot, 'crds'));
}

/** The kinds as they are served now, told apart by what the earlier ones lacked: a default of the status. */
async function served(hasDefault: boolean): Promise<void> {
  await waitFor('the API server to serve these kinds', async () => {
    const probe = rolloutOf({ ...shop, name: `probe-${hasDefault}` });
    await applyAll(lab, [probe]);
    const { status } = await stored(`probe-${hasDefault}`);
    return (status !== undefined) === hasDefault ? true : undefined;
  });
}

const shop = { name: '', namespace: 'default', image: 'lab/shop:v1', replicas: 2, objective: '99' };

async function stored(name: string): Promise<{ spec: Record<string, unknown>; status?: object }> {
  return JSON.parse(await kubectl(lab, 'get', 'rollout', name, '-n', shop.namespace, '-o', 'json'));
}

test('objects that were stored under earlier kinds are read under the new ones', async () => {
  const [line = ''] = linesOf(recordedCrds).filter((crd) => crd.includes('"kind":"Rollout"'));
  await applyAll(lab, [JSON.parse(line) as Record<string, unknown>]);
  await served(false);
  const recorded = linesOf(recordedReleases).map((each) => JSON.parse(each) as { world: { state: object } });
  const states = recorded.map(({ world }) => world.state);
  for (const [index, state] of states.entries()) {
    const name = `stored-${index}`;
    await applyAll(lab, [rolloutOf({ ...shop, name })]);
    const patch = JSON.stringify({ status: { state } });
    await kubectl(
      lab,
      'patch',
      'rollout',
      name,
      '-n',
      shop.namespace,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    );
  }
  const before = await stored('stored-0');
  await installCrds();
  await served(true);

  for (const [index, state] of states.entries()) expect(readState(await stored(`stored-${index}`))).toEqual(state);
  const after = await stored('stored-0');
  expect(after.spec).toMatchObject(before.spec);
  // What was applied then may be applied again, and writing its status is no conflict with what it lacks.
  await applyAll(lab, [rolloutOf({ ...shop, name: 'stored-0' })]);
  const told = JSON.stringify({ status: { phase: 'Healthy', observedGeneration: 1 } });
  await kubectl(
    lab,
    'patch',
    'rollout',
    'stored-0',
    '-n',
    shop.namespace,
    '--subresource=status',
    '--type=merge',
    '-p',
    told,
  );
  await kubectl(lab, 'delete', 'rollouts', '--all', '-n', shop.namespace, '--wait=false');
});
