import { must } from '../../lab/run.ts';
import { toolPaths } from '../../lab/tools.ts';

/** Asks what GitOps tools judge with, built from the modules that they link: see test/lab/gitops. */

interface Answer<T> {
  value?: T;
  error?: string;
}

async function ask<T>(program: 'lua' | 'kstatus', questions: readonly unknown[]): Promise<T[]> {
  const answers: Answer<T>[] = JSON.parse(
    await must([toolPaths().gitops, program], { input: JSON.stringify(questions) }),
  );
  return answers.map(({ value, error }, index) => {
    if (value === undefined) throw new Error(`${program}, question ${index + 1}: ${error}`);
    return value;
  });
}

/** What a Lua text returns for each object, run as Argo CD runs it. */
export function runLua<T>(script: string, objects: readonly object[]): Promise<T[]> {
  return ask<T>(
    'lua',
    objects.map((object) => ({ script, object })),
  );
}

/** What Flux's kstatus says of each object. */
export function kstatusOf(objects: readonly object[]): Promise<{ status: string; message: string }[]> {
  return ask('kstatus', objects);
}
