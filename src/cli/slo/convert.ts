import { type Draft, finish, type Objective, type Wishes } from './draft.ts';
import {
  at,
  type Field,
  type Finding,
  isThere,
  oneOf,
  type Reason,
  type Refusal,
  refuse,
  shown,
  sweep,
} from './field.ts';
import { openSloReasons, readOpenSlo } from './openslo.ts';
import { pyrraReasons, readPyrra } from './pyrra.ts';
import { isSlothFile, readSloth, slothReasons } from './sloth.ts';

/** What comes out of other tools' objectives. Where something was refused, nothing may be written. */
export interface Imported {
  objectives: Objective[];
  findings: Finding[];
  refusals: Refusal[];
}

/** Reads the objectives of OpenSLO, Sloth and Pyrra as ours. */
export function convert(roots: readonly Field[], wishes: Wishes): Imported {
  const openSlo = roots.filter((root) => formatOf(root) === 'OpenSlo');
  const drafts = [
    ...roots.flatMap((root) => {
      const format = formatOf(root);
      if (format === 'Sloth') return readSloth(root, wishes);
      if (format === 'Pyrra') return readPyrra(root, wishes);
      if (format === undefined) refuseFormat(root);
      return [];
    }),
    ...readOpenSlo(openSlo, wishes),
  ];
  const objectives = finishAll(inOrder(roots, drafts), wishes);
  const pages = roots.map(({ page }) => page);
  const refusals = pages.flatMap((page) => page.refusals);
  // What was not reached because of a refusal is no loss yet.
  if (refusals.length === 0) for (const root of roots) sweep(root, reasonsOf(root));
  return { objectives, findings: pages.flatMap((page) => page.findings), refusals };
}

type Format = 'OpenSlo' | 'Sloth' | 'Pyrra';

function formatOf({ value }: Field): Format | undefined {
  if (isSlothFile(value)) return 'Sloth';
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  if (apiVersion === 'openslo/v1') return 'OpenSlo';
  if (apiVersion === 'sloth.slok.dev/v1' && kind === 'PrometheusServiceLevel') return 'Sloth';
  return apiVersion === 'pyrra.dev/v1alpha1' && kind === 'ServiceLevelObjective' ? 'Pyrra' : undefined;
}

const known = 'openslo/v1, prometheus/v1 and sloth.slok.dev/v1 of Sloth, and pyrra.dev/v1alpha1 are read';

function refuseFormat(root: Field): void {
  const format = oneOf(root, 'apiVersion', 'version');
  const kind = at(root, 'kind');
  if (!isThere(format)) refuse(root, `has no apiVersion: ${known}`);
  else if (format.value === 'headgate.dev/v1alpha1') refuse(root, 'is an object of Headgate already: leave it out');
  else refuse(root, `${shown(format)}${isThere(kind) ? ` ${shown(kind)}` : ''} is not read: ${known}`);
}

function reasonsOf(root: Field): readonly Reason[] {
  const format = formatOf(root);
  if (format === 'OpenSlo') return openSloReasons;
  return format === 'Sloth' ? slothReasons : pyrraReasons;
}

function inOrder(roots: readonly Field[], drafts: readonly Draft[]): Draft[] {
  const places = new Map(roots.map(({ page }, index) => [page, index]));
  const placeOf = ({ name }: Draft) => places.get(name.page) ?? roots.length;
  return drafts.toSorted((one, other) => placeOf(one) - placeOf(other));
}

/** Finishes all, and refuses two of one name: the second would replace the first. */
function finishAll(drafts: readonly Draft[], wishes: Wishes): Objective[] {
  const first = new Map<string, Draft>();
  return drafts.flatMap((draft) => {
    const objective = finish(draft, wishes);
    if (objective === undefined) return [];
    const { name, namespace = '' } = objective.metadata;
    const same = first.get(`${namespace}/${name}`);
    if (same !== undefined) {
      const other = `${same.name.page.document} ${same.name.path}`;
      refuse(draft.name, `makes the name ${name}, as ${other} does: give each its own`);
    }
    first.set(`${namespace}/${name}`, draft);
    return [objective];
  });
}
