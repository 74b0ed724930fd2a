import { stringify } from 'yaml';
import { CliError, type ExitCode, exit } from '#cli/exit.ts';
import { namesOf, type ScopeFlags, scopeOf } from '#cli/find.ts';
import { paintFor } from '#cli/paint.ts';
import type { World } from '#cli/world.ts';
import { SERVICE_LEVEL_OBJECTIVE } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import { readPart } from '#schema/parse.ts';
import { sloSpec } from '#schema/slo.ts';
import { readDocuments } from './documents.ts';
import { SERVICE_LABEL } from './draft.ts';
import type { Exported } from './exported.ts';
import { at, type Field, type Finding, note, openPage, refuse, shown } from './field.ts';
import { drawFindings, isLoss, printFindings, sayRefusals } from './report.ts';
import { idOf, ruleGroups } from './rules.ts';

export interface ExportFlags extends ScopeFlags {
  filename: string[];
  strict?: boolean;
  output: 'yaml' | 'json';
}

/** `slo export`: our objectives as rules for Prometheus, under the names that Sloth gives them. */
export async function exportSlos(names: readonly string[], flags: ExportFlags, world: World): Promise<ExitCode> {
  const roots =
    flags.filename.length > 0 ? await fromFiles(names, flags, world) : await fromCluster(names, flags, world);
  const { exported, findings } = readObjectives(roots);
  const report =
    flags.output === 'json'
      ? printFindings(findings)
      : drawFindings(findings, paintFor({ colour: world.errColour === true }));
  world.err(report);
  const losses = findings.filter(isLoss).length;
  if (exported.length === 0) throw new CliError('there is no objective that could be exported');
  if (flags.strict === true && losses > 0) {
    throw new CliError(`nothing was exported: ${losses} ${losses === 1 ? 'field' : 'fields'} would be lost (--strict)`);
  }
  const document = { groups: exported.flatMap(ruleGroups) };
  world.out.write(flags.output === 'json' ? `${JSON.stringify(document, null, 2)}\n` : printRules(document));
  return exit.ok;
}

function printRules(document: unknown): string {
  return stringify(document, { lineWidth: 0, blockQuote: 'literal', aliasDuplicateObjects: false });
}

async function fromFiles(names: readonly string[], { filename }: ExportFlags, world: World): Promise<Field[]> {
  if (names.length > 0) throw new CliError('give names or files with -f, not both', exit.usage);
  const texts = [];
  for (const name of filename) texts.push({ name: name === '-' ? 'stdin' : name, text: await world.read(name) });
  return readDocuments(texts);
}

async function fromCluster(names: readonly string[], flags: ExportFlags, world: World): Promise<Field[]> {
  if (names.length > 0 && flags.allNamespaces === true) {
    throw new CliError('give names or --all-namespaces, not both', exit.usage);
  }
  const cluster = await world.connect(flags);
  try {
    const scope = scopeOf(flags, cluster);
    const all = await cluster.api.list(SERVICE_LEVEL_OBJECTIVE, scope).catch((error: unknown) => {
      if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
      throw new CliError('this cluster knows no ServiceLevelObjectives: install Headgate, or name files with -f');
    });
    const missing = names.find((name) => !all.some(({ metadata }) => metadata.name === name));
    if (missing !== undefined) {
      const there = namesOf(all.map(({ metadata }) => metadata.name));
      throw new CliError(`there is no ServiceLevelObjective ${missing} in namespace ${scope}; ${there}`);
    }
    const wanted = names.length === 0 ? all : all.filter(({ metadata }) => names.includes(metadata.name));
    return wanted.map((object) => openPage(`${object.metadata.namespace}/${object.metadata.name}`, object));
  } finally {
    await cluster.close();
  }
}

/** Objectives as rules are made from them. Every problem of every object is told at once. */
function readObjectives(roots: readonly Field[]): { exported: Exported[]; findings: Finding[] } {
  const seen = new Map<string, string>();
  const exported = roots.flatMap((root) => {
    const one = readObjective(root);
    if (one === undefined) return [];
    const same = seen.get(idOf(one));
    if (same !== undefined) refuse(at(root, 'metadata', 'name'), `makes the sloth_id ${idOf(one)}, as ${same} does`);
    seen.set(idOf(one), root.page.document);
    return [one];
  });
  const pages = roots.map(({ page }) => page);
  const refusals = pages.flatMap((page) => page.refusals);
  if (refusals.length > 0) throw new CliError(`nothing was exported; change first:\n${sayRefusals(refusals)}`);
  return { exported, findings: pages.flatMap((page) => page.findings) };
}

function readObjective(root: Field): Exported | undefined {
  const [apiVersion, kind] = ['apiVersion', 'kind'].map((key) => at(root, key).value);
  const named = `${shown(at(root, 'apiVersion'))} ${shown(at(root, 'kind'))}`;
  if (apiVersion !== undefined && (apiVersion !== 'headgate.dev/v1alpha1' || kind !== 'ServiceLevelObjective')) {
    return refuse(root, `${named} is no ServiceLevelObjective of headgate.dev/v1alpha1`);
  }
  const name = at(root, 'metadata', 'name').value;
  if (typeof name !== 'string' || name === '') return refuse(at(root, 'metadata', 'name'), 'is missing: give a name');
  const parsed = readPart(root.value, 'spec', sloSpec);
  if (!parsed.ok) {
    for (const { field, message } of parsed.problems) refuse(root, `${field} ${message}`);
    return undefined;
  }
  const { objective, sli, window } = parsed.value;
  if (objective === undefined || (sli.events === undefined && sli.latency === undefined)) {
    note(at(root, 'spec', 'sli'), 'Loss', 'it names no counters of bad and all events, so there are no rules for it');
    return undefined;
  }
  note(at(root, 'spec', 'source'), 'Remark', 'rules are read by the Prometheus that loads them');
  const namespace = at(root, 'metadata', 'namespace').value;
  const own = typeof namespace === 'string' ? { namespace } : {};
  return { ...namesIn(root, name, own.namespace), ...own, objective, rolling: window.rolling, sli };
}

/** Sloth names an SLO by its service; ours is a label, and where it lacks, the namespace. */
function namesIn(root: Field, name: string, namespace = 'default'): { service: string; slo: string } {
  const label = at(root, 'metadata', 'labels', SERVICE_LABEL).value;
  const service = typeof label === 'string' && label !== '' ? label : namespace;
  return { service, slo: name.startsWith(`${service}-`) ? name.slice(service.length + 1) : name };
}
