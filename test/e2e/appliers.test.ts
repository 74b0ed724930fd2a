import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { STABLE_LABEL } from '#core/labels.ts';
import { FENCE_ANNOTATION } from '#routers/fence.ts';
import { connectLab } from '../lab/connect.ts';
import { waitFor } from '../lab/wait.ts';
import { type Applier, clientSide, serverSide, startApplier, type Way } from './support/applier.ts';
import { tell } from './support/figures.ts';
import { openJournal } from './support/journal.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import type { AppSpec } from './support/shop.ts';
import { objectsOf } from './support/shop.ts';
import { type App, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isPromoted } from './support/story.ts';
import { differences } from './support/traces.ts';

/** The user's manifests pushed every five seconds through a whole release, as GitOps tools push them. */

const lab = connectLab(inject('lab'));
let stage: Stage;
const appliers: Applier[] = [];

beforeAll(async () => {
  stage = await openStage(lab, 'appliers');
  await stage.startOperator({ environment: patientLease });
});
afterAll(async () => {
  for (const applier of appliers) await applier.stop().catch(() => undefined);
  await stage.close();
});

const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
const LADDER = [0, 5000, 20_000, 50_000, 0];

/** What Git holds: Rollout, Service and HTTPRoute. */
function manifestsOf(spec: AppSpec): Record<string, unknown>[] {
  return objectsOf(spec).filter(({ kind }) => ['Rollout', 'Service', 'HTTPRoute'].includes(String(kind)));
}

type Manifest = Record<string, unknown>;

/** What rules that ignore `/spec/rules` leave of it. */
function ignoringRules(object: Manifest): Manifest {
  const { rules: _, ...spec } = object['spec'] as Manifest;
  return object['kind'] === 'HTTPRoute' ? { ...object, spec } : object;
}

/** With the stable label in Git: a selector is one value to server-side apply, and is reset whole. */
function declaring(object: Manifest): Manifest {
  const spec = object['spec'] as { selector: Manifest };
  if (object['kind'] !== 'Service') return object;
  return { ...object, spec: { ...spec, selector: { ...spec.selector, [STABLE_LABEL]: 'true' } } };
}

interface Push {
  app: App;
  applier: Applier;
  /** A commit: from the next push on Git holds this image. */
  commit(image: string): void;
}

async function pushed(name: string, how: Way, filter: typeof ignoringRules): Promise<Push> {
  const steps = [5, 20, 50].map((weight) => ({ weight, hold: '5s' }));
  const app = await stage.open({ name, image: v1, replicas: 1, objective: '95', probe: false, steps });
  let image = v1;
  const applier = startApplier(lab, how.args, () => manifestsOf({ ...app.spec, image }).map(filter));
  appliers.push(applier);
  await more(applier, 1);
  return {
    app,
    applier,
    commit(next) {
      image = next;
    },
  };
}

async function more(applier: Applier, pushes: number): Promise<void> {
  const wanted = applier.count() + pushes;
  await waitFor(`${pushes} more pushes`, async () => (applier.count() >= wanted ? true : undefined));
}

const isRouteChanged = ({ status }: RolloutObject) => status?.phase === 'Paused' && status.reason === 'RouteChanged';

describe.concurrent('an applier every five seconds', () => {
  // Server-side and without ignore rules: route.test.ts.
  test('client-side, without ignore rules: one pause that names it, and no second raise', async () => {
    const { app, applier, commit } = await pushed('stubborn', clientSide, (object) => object);
    const journal = openJournal(lab, app.spec);
    const load = await app.load(40, { service: 10 });
    commit(v2);
    const paused = await app.until('the pause', isRouteChanged);
    await journal.catchUp();
    const since = journal.mark();
    await more(applier, 3);
    const still = await app.rollout();
    await journal.catchUp();
    const meanwhile = journal.ladder(since);
    await journal.close();
    await applier.stop();
    const report = await load.stop();

    expect(paused.status?.message).toMatch(new RegExp(`taken back by ${clientSide.manager}`));
    // kills: a lost raise that is written again though the fence says that it was there.
    expect(meanwhile).toEqual([0]);
    expect(isRouteChanged(still)).toBe(true);
    expect(still.status?.state?.since).toBe(paused.status?.state?.since);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('client-side applier', report, { pushes: applier.count(), says: paused.status?.message });
  });

  test('server-side, with a selector that lacks the stable label: the canary is taken back, and who did it is named', async () => {
    const { app, applier, commit } = await pushed('wide', serverSide, ignoringRules);
    const load = await app.load(40, { service: 10 });
    commit(v2);
    const paused = await app.until('the pause', isRouteChanged);
    await applier.stop();
    const report = await load.stop();

    // kills: a label that is put back after every push, between which clients of the Service meet the canary.
    expect(paused.status?.message).toMatch(/headgate.dev\/stable was taken off its selector by gitops/);
    expect(paused.status?.state?.release).toMatchObject({ weight: 0, ending: { cause: 'ServiceWidened' } });
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('server-side applier of the selector', report, { pushes: applier.count(), says: paused.status?.message });
  });

  test.each([
    {
      name: 'patient',
      how: 'server-side',
      by: serverSide,
      git: (object: Manifest) => ignoringRules(declaring(object)),
    },
    { name: 'gentle', how: 'client-side', by: clientSide, git: ignoringRules },
  ])('$how, with ignore rules: the release finishes, and at rest nothing differs', async ({ name, how, by, git }) => {
    const { app, applier, commit } = await pushed(name, by, git);
    const journal = openJournal(lab, app.spec);
    await journal.catchUp();
    const since = journal.mark();
    const load = await app.load(40, { service: 10 });
    commit(v2);
    await app.until('promoted', isPromoted, 240);
    await waitFor('the fence to go', async () => {
      const route = await app.get<{ metadata: { annotations?: Record<string, string> } }>('httproute');
      return route.metadata.annotations?.[FENCE_ANNOTATION] === undefined ? true : undefined;
    });
    await applier.stop();
    await journal.catchUp();
    const ladder = journal.ladder(since);
    await journal.close();
    const report = await load.stop();
    const full = manifestsOf({ ...app.spec, image: v2 });
    const asGit = ['--server-side', '--force-conflicts', '--field-manager=somebody'];

    expect(ladder).toEqual(LADDER);
    // kills: rules that are left as we wrote them; another field of the Service that we keep.
    expect(await differences(lab, full, asGit)).toEqual([`-    ${STABLE_LABEL}: "true"`]);
    expect(await differences(lab, full.map(declaring), asGit)).toEqual([]);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell(`${how} applier with ignore rules`, report, { pushes: applier.count(), ladder });
  });
});
