import { LineCounter, parseAllDocuments } from 'yaml';
import { CliError } from '#cli/exit.ts';
import { type Field, isRecord, openPage } from './field.ts';

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
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter });
  if (!Array.isArray(documents)) return [];
  const read = documents.map((document, index): Document => {
    const [error] = document.errors;
    if (error !== undefined)
      throw new CliError(`${name} is no YAML: ${error.message.split('\n')[0]?.replace(/:$/, '')}`);
    return { name: documents.length === 1 ? name : `${name}#${index + 1}`, value: plainOf(document, name) };
  });
  return read.filter(({ value }) => value !== null && value !== undefined);
}

function plainOf(document: { toJS(): unknown }, name: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that multiply: the parser counts them and stops.
    throw new CliError(
      `${name} is no YAML that can be read: ${error instanceof Error ? error.message : String(error)}`,
    );
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
