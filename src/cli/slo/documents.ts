import { parseAllDocuments } from 'yaml';
import { CliError } from '#cli/exit.ts';
import { isRecord } from '#lib/json.ts';
import { type Field, openPage } from './field.ts';

/** A file as it was read. */
export interface Source {
  name: string;
  text: string;
}

/** More objects than anybody writes: a list this long is a mistake. */
const OBJECTS_MAX = 10_000;

/**
 * Every object in the files, each on its page; the members of a Kubernetes list are objects of their own. A file that
 * is no YAML is an error, because half of what it says would be lost.
 */
export function readDocuments(sources: readonly Source[]): Field[] {
  const objects = sources.flatMap(documentsOf).flatMap(objectsIn);
  if (objects.length > OBJECTS_MAX) {
    throw new CliError(`there are ${objects.length} objects: at most ${OBJECTS_MAX} are read at once`);
  }
  return objects;
}

interface Document {
  name: string;
  value: unknown;
}

function documentsOf({ name, text }: Source): Document[] {
  const documents = parseText(name, text);
  const read = documents.map(({ value }, index): Document => {
    return { name: documents.length === 1 ? name : `${name}#${index + 1}`, value };
  });
  return read.filter(({ value }) => value !== null && value !== undefined);
}

function parseText(name: string, text: string): { value: unknown }[] {
  try {
    const documents = parseAllDocuments(text, { logLevel: 'silent' });
    if (!Array.isArray(documents)) return [];
    return documents.map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return { value: document.toJS() as unknown };
    });
  } catch (error) {
    // Syntax with its line, aliases that multiply, and nesting deeper than the stack.
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new CliError(`${name} is no YAML that can be read: ${why.replace(/:$/, '')}`);
  }
}

function objectsIn({ name, value }: Document): Field[] {
  if (!isRecord(value)) throw new CliError(`${name} must hold objects with kind or version, not ${sayType(value)}`);
  const { kind, items } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) return [openPage(name, value)];
  return items.map((item: unknown, index) => openPage(name, item, `items[${index}]`));
}

function sayType(value: unknown): string {
  return Array.isArray(value) ? 'a list' : 'a single value';
}
