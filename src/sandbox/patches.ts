import { isRecord, sameJson } from '#lib/json.ts';
import type { JsonPatchOperation } from '#ports/kube-api.ts';

/** JSON patch (RFC 6902, without `move` and `copy`) and merge patch (RFC 7386). */

type Container = Record<string, unknown> | unknown[];

/** All or nothing, on a copy that shares what no operation touches. Throws on the first one that cannot be done. */
export function applyPatch<T>(target: T, patch: readonly JsonPatchOperation[]): T {
  return patch.reduce<Container>(applyOne, target as Container) as T;
}

function applyOne(root: Container, operation: JsonPatchOperation): Container {
  const { op, path } = operation;
  const tokens = path.split('/').slice(1).map(unescapeToken);
  const last = tokens.pop();
  if (last === undefined || !path.startsWith('/')) throw new Error(`${op} ${path}: not a pointer to a member`);
  return within(root, tokens, { path, change: (parent) => changeMember(parent, last, operation) });
}

/** A copy in which the container at these tokens is changed. */
function within(
  node: Container,
  [token, ...rest]: readonly string[],
  { path, change }: { path: string; change: (copy: Container) => void },
): Container {
  const copy: Container = Array.isArray(node) ? [...node] : { ...node };
  if (token === undefined) change(copy);
  else (copy as Record<string, unknown>)[token] = within(descend(node, token, path), rest, { path, change });
  return copy;
}

function changeMember(parent: Container, last: string, { op, path, value }: JsonPatchOperation): void {
  const exists = Array.isArray(parent) ? isIndex(parent, last) : Object.hasOwn(parent, last);
  if (op !== 'add' && !exists) throw new Error(`${op} ${path}: no such member`);
  if (op === 'add') {
    add(parent, last, structuredClone(value), path);
  } else if (op === 'test') {
    if (!sameJson(member(parent, last), value)) throw new Error(`test ${path}: value differs`);
  } else if (op === 'replace') {
    (parent as Record<string, unknown>)[last] = structuredClone(value);
  } else if (op === 'remove') {
    if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete parent[last];
  } else {
    throw new Error(`${String(op)}: no such operation`);
  }
}

function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

function isIndex(list: unknown[], token: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(token) && Number(token) < list.length;
}

function member(node: Container, token: string): unknown {
  return (node as Record<string, unknown>)[token];
}

function descend(node: Container, token: string, path: string): Container {
  const known = Array.isArray(node) ? isIndex(node, token) : Object.hasOwn(node, token);
  const next = known ? member(node, token) : undefined;
  if (next === null || typeof next !== 'object') throw new Error(`${path}: ${token} is not there`);
  return next as Container;
}

function add(parent: Container, last: string, value: unknown, path: string): void {
  if (!Array.isArray(parent)) {
    parent[last] = value;
  } else if (last === '-' || Number(last) === parent.length) {
    parent.push(value);
  } else if (isIndex(parent, last)) {
    parent.splice(Number(last), 0, value);
  } else {
    throw new Error(`add ${path}: outside the list`);
  }
}

/** Null takes a member away, objects go member by member, everything else replaces. */
export function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatched(result[key], value);
  }
  return result;
}
