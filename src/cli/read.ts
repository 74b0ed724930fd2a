import { createReadStream } from 'node:fs';
import { CliError } from './exit.ts';

/** Longest text that is read: more is a wrong file, or a stream without an end. */
const BYTES_MAX = 16 * 1024 * 1024;

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder; name its files',
};

/** The text of a file, or of standard input for `-`. */
export async function readText(name: string): Promise<string> {
  const stream = name === '-' ? process.stdin : createReadStream(name);
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of stream) {
      const chunk = Buffer.from(part);
      bytes += chunk.length;
      if (bytes > BYTES_MAX) throw new CliError(`cannot read ${name}: it has more than 16 MiB`);
      parts.push(chunk);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (error instanceof TypeError) throw new CliError(`cannot read ${name}: it is no text in UTF-8`);
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new CliError(`cannot read ${name}: ${reasons[code] ?? message}`);
  }
}
