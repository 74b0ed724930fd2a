import { readFileSync } from 'node:fs';
import { formatPercent } from '#lib/units.ts';
import { LAWS, type Router } from '#routers/define.ts';
import { routers } from '#src/catalog.ts';
import { withPart } from './parts.ts';

/** docs/routers.md is written by hand, with its tables made from the catalog. */

const PAGE = new URL('../docs/routers.md', import.meta.url);

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function kinds(all: readonly Router[]): string {
  const head = ['`traffic`', 'object', 'can', 'finest share', 'GitOps leaves alone'];
  const rows = all.map(({ kind, resource, can, granularity, writes, companion }) => [
    `\`- ${kind}: <name>\``,
    `${resource.kind} \`${resource.group}/${resource.version}\``,
    can.join(', '),
    formatPercent(granularity),
    companion === undefined ? `\`${writes}\`` : 'nothing: it writes an object of its own',
  ]);
  return [head, head.map(() => '---'), ...rows].map(row).join('\n');
}

/** Each law of the suite against each kind: the unit tests run them all, so a law that does not hold is no page. */
function laws(all: readonly Router[]): string {
  const skips = all.flatMap(({ kind, skips: list = [] }) => list.map((skip) => ({ kind, ...skip })));
  const head = ['law', ...all.map(({ kind }) => `\`${kind}\``)];
  const rows = LAWS.map((law) => [law, ...all.map((router) => mark(router, law))]);
  const notes = skips.map(({ kind, reason }, index) => `${index + 1}. \`${kind}\`: ${reason}.`);
  return [...[head, head.map(() => '---'), ...rows].map(row), '', ...notes].join('\n').trimEnd();

  function mark({ kind }: Router, law: string): string {
    const index = skips.findIndex((skip) => skip.kind === kind && skip.law === law);
    return index < 0 ? 'holds' : `skipped (${index + 1})`;
  }
}

export function renderRouters(): string {
  const all = routers.map(({ router }) => router);
  const page = readFileSync(PAGE, 'utf8');
  return withPart(withPart(page, 'kinds', kinds(all)), 'laws', laws(all));
}
