import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import { createJsonLog } from '#runtime/json-log.ts';

test('one JSON object a line, with level, time, message, fields and errors with their stack', () => {
  const written: string[] = [];
  const log = createJsonLog({ stream: { write: (line) => void written.push(line) } }).with({ controller: 'rollouts' });
  log.debug('not at this level');
  log.warn('will be tried again', { key: 'shop/checkout', error: new OperatorError('KUBE_UNAVAILABLE', 'down') });
  expect(written).toHaveLength(1);
  expect(JSON.parse(written[0] ?? '')).toMatchObject({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    message: 'will be tried again',
    controller: 'rollouts',
    key: 'shop/checkout',
    error: { message: 'down', code: 'KUBE_UNAVAILABLE', stack: expect.stringContaining('json-log.test') },
  });
});
