/** Tells when one container becomes ready or unready. */

import type { Clock } from '#ports/clock.ts';
import type { Container, Probe } from './pod-object.ts';

/** One HTTP GET: the status code, or undefined when nothing answered in time. */
export type HttpGet = (url: string, timeoutMs: number) => Promise<number | undefined>;

export interface ReadinessSpec {
  container: Container;
  address: string;
  port: number;
  /** What the process itself says, used when the container has no `httpGet` probe. */
  selfReady: () => boolean;
  clock: Clock;
  httpGet: HttpGet;
  changed(ready: boolean): void;
}

/** How often a process without a probe is asked whether it has started. */
const STARTING_POLL_MS = 50;

/** Watches until the returned function is called. Without a probe a container that is ready once stays ready. */
export function watchReadiness(spec: ReadinessSpec): () => void {
  const probe = spec.container.readinessProbe;
  return probe?.httpGet === undefined ? untilStarted(spec) : probing(spec, probe, probe.httpGet);
}

function untilStarted({ selfReady, clock, changed }: ReadinessSpec): () => void {
  let cancel = () => {};
  const look = () => {
    if (selfReady()) changed(true);
    else cancel = clock.timer(STARTING_POLL_MS, look);
  };
  look();
  return () => cancel();
}

function probing(spec: ReadinessSpec, probe: Probe, { path = '/', port }: NonNullable<Probe['httpGet']>): () => void {
  const { clock, httpGet, changed } = spec;
  const number = typeof port === 'number' ? port : namedPort(spec, port);
  const url = `http://${spec.address}:${number}${path.startsWith('/') ? path : `/${path}`}`;
  const { successThreshold = 1, failureThreshold = 3 } = probe;
  let ready = false;
  let streak = 0;
  let stopped = false;
  let cancel = clock.timer(1000 * (probe.initialDelaySeconds ?? 0), () => void look());

  async function look(): Promise<void> {
    const status = await httpGet(url, 1000 * (probe.timeoutSeconds ?? 1));
    if (stopped) return;
    const passed = status !== undefined && status >= 200 && status < 400;
    streak = passed === ready ? 0 : streak + 1;
    if (streak >= (passed ? successThreshold : failureThreshold)) {
      ready = passed;
      streak = 0;
      changed(ready);
    }
    cancel = clock.timer(1000 * (probe.periodSeconds ?? 10), () => void look());
  }
  return () => {
    stopped = true;
    cancel();
  };
}

function namedPort({ container, port }: ReadinessSpec, name: string): number {
  return container.ports?.find((candidate) => candidate.name === name)?.containerPort ?? port;
}
