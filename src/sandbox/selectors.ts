import type { KubeObject } from '#ports/kube-api.ts';
import { badRequest } from './refused.ts';

/** Label and field selectors, as `kubectl -l` and `--field-selector` write them. */

export type Matches = (object: KubeObject) => boolean;

/** What a kind lets field selectors ask for, beside name and namespace. */
export type Selectable = Readonly<Record<string, (object: KubeObject) => string>>;

const REQUIREMENT =
  /^\s*(?:(!)\s*([\w./-]+)|([\w./-]+)\s+(in|notin)\s*\(([^()]*)\)|([\w./-]+)\s*(==|=|!=)\s*([\w./-]*)|([\w./-]+))\s*$/;

/** Throws 400 on what cannot be read. */
export function parseLabelSelector(text: string): Matches {
  const all = splitOutsideParentheses(text).map(requirement);
  return ({ metadata }) => all.every((holds) => holds(metadata.labels ?? {}));
}

function requirement(text: string): (labels: Record<string, string>) => boolean {
  const found = REQUIREMENT.exec(text);
  if (found === null) throw badRequest(`unable to parse requirement: cannot read "${text.trim()}"`);
  const [, not, absent = '', listKey = '', word, list = '', key = '', operator, value = '', present = ''] = found;
  if (not !== undefined) return (labels) => labels[absent] === undefined;
  if (word !== undefined) {
    const values = list.split(',').map((one) => one.trim());
    const isIn = (labels: Record<string, string>) => labels[listKey] !== undefined && values.includes(labels[listKey]);
    return word === 'in' ? isIn : (labels) => !isIn(labels);
  }
  if (operator === undefined) return (labels) => labels[present] !== undefined;
  return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
}

function splitOutsideParentheses(text: string): string[] {
  if (text.trim() === '') return [];
  return text.split(/,(?![^(]*\))/);
}

export function parseFieldSelector(text: string, selectable: Selectable): Matches {
  const common: Selectable = {
    'metadata.name': ({ metadata }) => metadata.name,
    'metadata.namespace': ({ metadata }) => metadata.namespace ?? '',
  };
  const all = text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part): Matches => {
      const found = /^\s*([\w.]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part);
      if (found === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
      const [, path = '', operator, value = ''] = found;
      const read = common[path] ?? selectable[path];
      if (read === undefined) throw badRequest(`field label not supported: ${path}`);
      return (object) => (read(object) === value) === (operator !== '!=');
    });
  return (object) => all.every((holds) => holds(object));
}
