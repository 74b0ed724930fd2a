import { CONFIG_MAP, SECRET } from '#kube/resources.ts';
import { hasCode, OperatorError } from '#lib/errors.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import type { SecretAuth, SourceWish } from '#schema/translate-inputs.ts';
import type { SourceAuth } from '#sources/prometheus.ts';

/**
 * Names the hosts that a Secret may be sent to, e.g. `prometheus.monitoring:9090`; several with spaces or commas
 * between them. Without a port the scheme's own is meant. Whoever may write a MetricSource could otherwise have any
 * Secret that the operator reads sent to a server of theirs.
 */
export const HOSTS_ANNOTATION = 'headgate.dev/hosts';

/** What a source needs beside its spec. */
export interface Credentials {
  auth?: SourceAuth;
  ca?: string;
}

/**
 * Reads what the source refers to. Throws SOURCE_UNREACHABLE where a person must mend something, with what to do, and
 * the API server's own error where it did not answer.
 */
export async function readCredentials(api: KubeApi, { url, auth, ca }: SourceWish): Promise<Credentials> {
  return {
    ...(auth === undefined ? {} : { auth: await readAuth(api, auth, url) }),
    ...(ca === undefined ? {} : { ca: await readCa(api, ca) }),
  };
}

async function readAuth(api: KubeApi, auth: SecretAuth, url: string): Promise<SourceAuth> {
  const { namespace, name } = auth.secret;
  const what = `Secret ${namespace}/${name}`;
  const secret = await read(what, () => api.get({ resource: SECRET, namespace, name }));
  const hosts = secret.metadata.annotations?.[HOSTS_ANNOTATION] ?? '';
  if (!isBound(hosts, url)) {
    const host = hostOf(url);
    throw refusal(`${what} is not bound to ${host}; if it is meant for it, annotate it: ${HOSTS_ANNOTATION}: ${host}`);
  }
  const value = (key: string) => keyed(secret, key, what);
  if (auth.kind === 'bearer') return { kind: 'bearer', token: value(auth.key) };
  return { kind: 'basic', username: value(auth.usernameKey), password: value(auth.passwordKey) };
}

async function readCa(api: KubeApi, { kind, namespace, name, key }: NonNullable<SourceWish['ca']>): Promise<string> {
  const what = `${kind} ${namespace}/${name}`;
  const resource = kind === 'Secret' ? SECRET : CONFIG_MAP;
  const object = await read(what, () => api.get({ resource, namespace, name }));
  if (kind === 'Secret') return keyed(object, key, what);
  const text = (object['data'] as Record<string, string> | undefined)?.[key];
  if (text === undefined) throw refusal(`${what} has no key ${key}`);
  return text;
}

async function read(what: string, get: () => Promise<KubeObject>): Promise<KubeObject> {
  try {
    return await get();
  } catch (error) {
    if (hasCode(error, 'KUBE_NOT_FOUND')) throw refusal(`${what} does not exist`);
    if (hasCode(error, 'KUBE_FORBIDDEN')) {
      throw refusal(`the operator may not get ${what}; grant it as deploy/secret-access.yaml shows`);
    }
    throw error;
  }
}

function keyed(secret: KubeObject, key: string, what: string): string {
  const encoded = (secret['data'] as Record<string, string> | undefined)?.[key];
  if (encoded === undefined) throw refusal(`${what} has no key ${key}`);
  const value = Buffer.from(encoded, 'base64').toString('utf8').trim();
  // An empty credential would be sent as one, and the server's refusal would point elsewhere.
  if (value === '') throw refusal(`${what} has nothing under ${key}`);
  return value;
}

function refusal(message: string): OperatorError {
  return new OperatorError('SOURCE_UNREACHABLE', message);
}

/** Is the host of `url` among `hosts`? Ports count: another port of a host is another server. */
export function isBound(hosts: string, url: string): boolean {
  const own = hostOf(url);
  const { protocol, hostname } = new URL(url);
  const usual = own === `${hostname}:${protocol === 'https:' ? 443 : 80}`;
  const named = hosts
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((host) => host !== '');
  return named.includes(own) || (usual && named.includes(hostname));
}

/** Host and port. */
function hostOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
}
