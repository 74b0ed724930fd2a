import { pluralOf } from '../../lab/proxy/writes.ts';

/** Names each of the operator's writes by what it says, without revisions, numbers of pods or times. */

interface PatchOperation {
  op: string;
  path: string;
  value?: unknown;
}

type Body = Record<string, unknown> | PatchOperation[];

export interface Call {
  method: string;
  path: string;
  body: string;
}

/** `status Progressing Shifting step 0 weight 20000`, `route 20000`, `replicasets scale 1`, `pods label stable`. */
export function labelOf({ method, path, body }: Call): string {
  const plural = pluralOf(new URL(path, 'http://api').pathname);
  if (method === 'DELETE') return `${plural} delete`;
  if (method === 'POST') return `${plural} create`;
  const said = JSON.parse(body) as Body;
  if (Array.isArray(said)) return `${plural} ${ofOperations(said)}`;
  return `${plural} ${words[plural]?.(said) ?? 'write'}`.trim();
}

type Words = (body: Record<string, unknown>) => string | undefined;

const words: Record<string, Words> = {
  rollouts: (body) => ofState(stateOf(body)) ?? 'finalizer',
  releases: (body) =>
    text(statusOf(body), 'record') === '' ? 'checkpoint' : `record ${text(statusOf(body), 'record')}`,
  replicasets: ofSet,
  pods: ofPod,
  services: (body) => (text(body, 'kind') === '' ? 'narrow' : 'canary'),
};

function ofOperations(operations: PatchOperation[]): string {
  const fence = operations.find(({ op, path }) => op !== 'test' && path.includes('annotations'));
  if (fence?.op === 'remove') return 'clear fence';
  const value = typeof fence?.value === 'string' ? fence.value : Object.values(fence?.value ?? {}).join();
  return value.split('/').at(-1) ?? '';
}

interface StateText {
  phase?: string;
  reason?: string;
  release?: {
    stage?: string;
    step?: number;
    weight?: number;
    joined?: number;
    joinedAt?: number;
    acceptedAt?: number;
    arrivedAt?: number;
    committed?: boolean;
    restoredAt?: number;
    ending?: { kind: string };
  };
}

function ofState(state: StateText | undefined): string | undefined {
  if (state === undefined) return undefined;
  const face = [state.phase, state.reason];
  const { release } = state;
  if (release === undefined) return said([...face, 'at rest']);
  const { stage, step, weight, joined, ending } = release;
  return said([
    ...face,
    ...[stage, `step ${step}`, `weight ${weight}`],
    release.acceptedAt === undefined ? undefined : 'accepted',
    release.arrivedAt === undefined ? undefined : 'arrived',
    joined === undefined ? undefined : `joined ${joined}${release.joinedAt === undefined ? '' : ' seen'}`,
    release.committed === true ? 'committed' : undefined,
    release.restoredAt === undefined ? undefined : 'restored',
    ending?.kind,
  ]);
}

function ofSet(body: Record<string, unknown>): string {
  const spec = body['spec'] as { replicas?: number; template?: { metadata?: { labels?: Labels } } } | undefined;
  if (spec?.replicas !== undefined) return `scale ${spec.replicas}`;
  return `template ${arms(spec?.template?.metadata?.labels)}`;
}

function ofPod(body: Record<string, unknown>): string {
  const { labels } = (body['metadata'] ?? {}) as { labels?: Labels };
  return labels?.['headgate.dev/quarantine'] === undefined ? `label ${arms(labels)}` : 'quarantine';
}

type Labels = Record<string, string | null>;

/** The arms that a set of labels belongs to: `stable`, `canary`, `stable canary` or `none`. */
export function arms(labels: Labels = {}): string {
  const names = ['stable', 'canary'].filter((arm) => typeof labels[`headgate.dev/${arm}`] === 'string');
  return names.length === 0 ? 'none' : names.join(' ');
}

function statusOf(body: Record<string, unknown>): Record<string, unknown> {
  return (body['status'] ?? {}) as Record<string, unknown>;
}

function stateOf(body: Record<string, unknown>): StateText | undefined {
  return statusOf(body)['state'] as StateText | undefined;
}

function text(from: Record<string, unknown>, member: string): string {
  return typeof from[member] === 'string' ? (from[member] as string) : '';
}

function said(parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(' ');
}
