import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { afterAll, expect, inject, test } from 'vitest';
import { cases } from '../conformance/cases.ts';
import { loadGolden, saveGolden } from '../conformance/golden.ts';
import { type Answer, type Ask, play, type Subject, type Transcript, type WatchLine } from '../conformance/play.ts';
import { connectLab } from '../lab/connect.ts';
import { waitFor } from '../lab/wait.ts';

/** The recorded answers against the real API server, so that the sandbox is held to the truth of today. */

const lab = connectLab(inject('lab'));
const agent = new Agent({ connect: { ca: readFileSync(lab.caFile) } });
const golden = loadGolden();
const recorded: Record<string, Transcript> = {};
const namespaces: string[] = [];

const send = ({ method, path, query = {}, body, contentType, userAgent }: Ask) =>
  request(new URL(`${path}?${new URLSearchParams(query)}`, lab.apiServer), {
    dispatcher: agent,
    method,
    headers: {
      authorization: `Bearer ${lab.adminToken}`,
      'content-type': contentType ?? 'application/json',
      'user-agent': userAgent ?? 'unknown',
    },
    body: body === undefined ? null : JSON.stringify(body),
  });

const real: Subject = {
  async ask(ask): Promise<Answer> {
    const { statusCode, body } = await send(ask);
    return { code: statusCode, body: (await body.json()) as Answer['body'] };
  },
  async watch(ask, count, act) {
    const { body } = await send(ask);
    const lines: WatchLine[] = [];
    let rest = '';
    // Leaving a watch is an error to undici, and to nobody here.
    body.on('error', () => undefined);
    body.on('data', (chunk: Buffer) => {
      const pieces = (rest + chunk.toString('utf8')).split('\n');
      rest = pieces.pop() ?? '';
      lines.push(...pieces.map((piece) => JSON.parse(piece) as WatchLine));
    });
    await act();
    await waitFor(`${count} lines of a watch`, async () => (lines.length >= count ? true : undefined));
    body.destroy();
    return lines.slice(0, count);
  },
  async until(done) {
    await waitFor('the controllers', async () => ((await done()) ? true : undefined));
  },
};

async function ownNamespace(): Promise<string> {
  const name = `conform-${randomUUID().slice(0, 8)}`;
  namespaces.push(name);
  await real.ask({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } });
  return name;
}

afterAll(async () => {
  if (process.env['RECORD'] === '1') saveGolden(recorded);
  for (const name of namespaces) await real.ask({ method: 'DELETE', path: `/api/v1/namespaces/${name}` });
  await agent.close();
});

test.each([...cases])('$name', async (one) => {
  const transcript = await play(real, one, await ownNamespace());
  recorded[one.name] = transcript;
  if (process.env['RECORD'] !== '1') expect(transcript, one.because).toEqual(golden[one.name]);
});
