import type { ReleaseStatus } from '#schema/release.ts';
import type { LoadReport } from '#test/lab/load/recorder.ts';

export interface Story {
  title: string;
  image: string;
  release: ReleaseStatus & { name: string };
  before: LoadReport;
  after: LoadReport;
}

/** What the two releases did to real requests, counted by the load source, not by Headgate. */
export function report(stories: readonly Story[], total: LoadReport): string {
  const lines = ['', '────────────────────────────── report ──────────────────────────────'];
  for (const story of stories) lines.push(...paragraph(story));
  const offered = total.offered.gateway + total.offered.service;
  const failed = total.failed.gateway + total.failed.service;
  lines.push(
    '',
    `all requests of the demo: ${offered}, of them failed: ${failed} (the bad revision’s answers are among them)`,
    '',
  );
  return lines.join('\n');
}

function paragraph({ title, image, release, before, after }: Story): string[] {
  const served = imageCount(after, image) - imageCount(before, image);
  const failed = failedDuring({ before, after });
  const verdicts = (release.gates ?? []).map((gate) => `    gate ${gate.gate}: ${gate.verdict} — ${gate.message}`);
  const steps = (release.timeline ?? []).map(
    (entry) => `    ${entry.at.slice(11, 19)} ${entry.kind.padEnd(12)} ${entry.message}`,
  );
  return [
    '',
    `${title} (${release.name}): ${release.outcome ?? release.phase}${release.reason === undefined ? '' : `, ${release.reason}`}`,
    ...steps,
    ...verdicts,
    `  requests that reached ${image}: ${served}; failed meanwhile, of all clients: ${failed}`,
    `  error budget spent: ${release.spend ?? '0%'}${release.timeToDetect === undefined ? '' : `; from the raise to the breach: ${release.timeToDetect}`}`,
  ];
}

/** Requests of all clients that failed while a release went on. */
export function failedDuring({ before, after }: Pick<Story, 'before' | 'after'>): number {
  return failures(after) - failures(before);
}

function imageCount(load: LoadReport, image: string): number {
  return load.images.filter((seen) => seen.image === image).reduce((sum, seen) => sum + seen.count, 0);
}

function failures(load: LoadReport): number {
  return load.failed.gateway + load.failed.service;
}
