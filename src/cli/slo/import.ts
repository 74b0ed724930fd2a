import { stringify } from 'yaml';
import { CliError, type ExitCode, exit } from '#cli/exit.ts';
import { paintFor } from '#cli/paint.ts';
import type { World } from '#cli/world.ts';
import { convert } from './convert.ts';
import { readDocuments } from './documents.ts';
import type { Objective } from './draft.ts';
import { drawFindings, isLoss, printFindings, sayRefusals } from './report.ts';

export interface ImportFlags {
  filename: string[];
  namespace?: string;
  source?: string;
  strict?: boolean;
  output: 'yaml' | 'json';
}

/** `slo import`: objectives of other tools, as ours. All of them are written, or none. */
export async function importSlos(flags: ImportFlags, world: World): Promise<ExitCode> {
  const { filename, namespace, source, strict, output } = flags;
  if (filename.length === 0) throw new CliError('name a file with -f, or - for standard input', exit.usage);
  const texts = [];
  for (const name of filename) texts.push({ name: name === '-' ? 'stdin' : name, text: await world.read(name) });
  const { objectives, findings, refusals } = convert(readDocuments(texts), {
    ...(namespace === undefined ? {} : { namespace }),
    ...(source === undefined ? {} : { source }),
  });
  if (refusals.length > 0) throw new CliError(`nothing was imported; change first:\n${sayRefusals(refusals)}`);
  const report =
    output === 'json'
      ? printFindings(findings)
      : drawFindings(findings, paintFor({ colour: world.errColour === true }));
  const losses = findings.filter(isLoss).length;
  world.err(report);
  if (objectives.length === 0) throw new CliError('there is no objective that could be imported');
  if (strict === true && losses > 0) {
    throw new CliError(`nothing was imported: ${losses} ${losses === 1 ? 'field' : 'fields'} would be lost (--strict)`);
  }
  world.out.write(output === 'json' ? printList(objectives) : printObjects(objectives));
  return exit.ok;
}

function printObjects(objectives: readonly Objective[]): string {
  return objectives.map((objective) => stringify(objective, { lineWidth: 0 })).join('---\n');
}

function printList(objectives: readonly Objective[]): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objectives }, null, 2)}\n`;
}
