/**
 * Matches of a simple regular expression (RE2) with a whole text, in time proportional to their lengths: answers to
 * joined queries are told apart by patterns that people wrote, and a pattern of theirs must not hold up everybody.
 *
 * Simple are alternatives of plain characters, escaped ones, `.`, `\d`, `\w` and classes such as `[a-z0-9]`, each perhaps
 * with `*`, `+` or `?` behind it. For anything else there is no matcher, and such a pattern is asked for by itself.
 */
export type Matches = (text: string) => boolean;

/** Longest pattern that is looked at. */
const MAX_PATTERN = 512;

interface Token {
  accepts(char: string): boolean;
  /** May be left out, may stand many times. */
  optional: boolean;
  many: boolean;
  /** The one character that it accepts, for a plain one. */
  plain?: string;
}

export interface WholeMatcher {
  matches: Matches;
  /** What each text that matches begins with, by alternative: an index to look only at patterns that may match. */
  prefixes: string[];
}

/** Patterns are asked for at every tick, and are few. */
const known = new Map<string, WholeMatcher | undefined>();
const MAX_KNOWN = 20_000;

export function wholeMatcher(pattern: string): WholeMatcher | undefined {
  if (known.has(pattern)) return known.get(pattern);
  if (known.size >= MAX_KNOWN) known.clear();
  const matcher = compile(pattern);
  known.set(pattern, matcher);
  return matcher;
}

function compile(pattern: string): WholeMatcher | undefined {
  if (pattern.length > MAX_PATTERN) return undefined;
  const alternatives: Token[][] = [[]];
  for (let at = 0; at < pattern.length; ) {
    if (pattern[at] === '|') {
      alternatives.push([]);
      at += 1;
      continue;
    }
    const found = tokenAt(pattern, at);
    if (found === undefined) return undefined;
    alternatives.at(-1)?.push(found.token);
    at += found.length;
  }
  return {
    matches: (text) => alternatives.some((tokens) => runs(tokens, text)),
    prefixes: alternatives.map(prefixOf),
  };
}

function tokenAt(pattern: string, at: number): { token: Token; length: number } | undefined {
  const atom = atomAt(pattern, at);
  if (atom === undefined) return undefined;
  const { length, ...rest } = atom;
  const [repeat = '', next = ' '] = pattern.slice(at + length, at + length + 2);
  if (!['*', '+', '?'].includes(repeat)) return { token: { ...rest, optional: false, many: false }, length };
  // Lazy and possessive forms, and a repeat of a repeat.
  if ('*+?{'.includes(next)) return undefined;
  return { token: { ...rest, optional: repeat !== '+', many: repeat !== '?' }, length: length + 1 };
}

type Atom = Pick<Token, 'accepts' | 'plain'> & { length: number };

const ESCAPED: Record<string, RegExp> = { d: /[0-9]/, w: /\w/ };
const CLASS = /^\[(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_.:@/])+-?\]/;

function atomAt(pattern: string, at: number): Atom | undefined {
  const char = pattern[at] ?? '';
  if (char === '.') return { accepts: () => true, length: 1 };
  if (char === '\\') {
    const next = pattern[at + 1] ?? '';
    const escaped = ESCAPED[next];
    if (escaped !== undefined) return { accepts: (given) => escaped.test(given), length: 2 };
    return /[^A-Za-z0-9\s]/.test(next) ? { ...plain(next), length: 2 } : undefined;
  }
  if (char === '[') {
    const found = CLASS.exec(pattern.slice(at))?.[0];
    if (found === undefined || risesNot(found)) return undefined;
    const expression = new RegExp(`^${found}$`);
    return { accepts: (given) => expression.test(given), length: found.length };
  }
  // Beyond ASCII a character may be two units here and one there.
  return /[(){}\]^$*+?]|[^\x20-\x7e]/.test(char) ? undefined : { ...plain(char), length: 1 };
}

/** A range such as `z-a`, which is an error there and here. */
function risesNot(found: string): boolean {
  return [...found.matchAll(/([A-Za-z0-9])-([A-Za-z0-9])/g)].some(([, from = '', to = '']) => from > to);
}

function plain(char: string): Pick<Token, 'accepts' | 'plain'> {
  return { accepts: (given) => given === char, plain: char };
}

function prefixOf(tokens: readonly Token[]): string {
  let prefix = '';
  for (const { plain: char, optional, many } of tokens) {
    if (char === undefined || optional) return prefix;
    prefix += char;
    if (many) return prefix;
  }
  return prefix;
}

/** All places in the pattern at which a text may stand, moved on character by character. */
function runs(tokens: readonly Token[], text: string): boolean {
  let places = skipOptional(tokens, new Set([0]));
  for (const char of text) {
    const next = new Set<number>();
    for (const place of places) {
      const token = tokens[place];
      if (token === undefined || !token.accepts(char)) continue;
      next.add(place + 1);
      if (token.many) next.add(place);
    }
    if (next.size === 0) return false;
    places = skipOptional(tokens, next);
  }
  return places.has(tokens.length);
}

function skipOptional(tokens: readonly Token[], places: Set<number>): Set<number> {
  // A set is walked in the order of insertion, so what is added here is looked at as well.
  for (const place of places) if (tokens[place]?.optional === true) places.add(place + 1);
  return places;
}
