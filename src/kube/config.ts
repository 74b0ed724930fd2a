import { createHash } from 'node:crypto';
import { OperatorError } from '#lib/errors.ts';
import type { Clock } from '#ports/clock.ts';

/** What a TLS client is made of. Certificates are PEM. */
export interface TlsInputs {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** How to reach and to convince the API server, as of now. */
export interface Credentials {
  /** Scheme, host, port and path prefix, without a slash at the end. */
  server: string;
  tls: TlsInputs;
  /** An http(s) proxy in front of the API server. */
  proxyUrl: string | undefined;
  headers: Record<string, string>;
  /** Equal fingerprints may share connections. */
  fingerprint: string;
}

export interface ClusterConfig {
  /** The namespace of the current context, or of the pod. */
  namespace(): Promise<string | undefined>;
  /** `fresh` reads files and runs exec plug-ins again, whatever was kept: the answer to a 401. */
  credentials(options?: { fresh?: boolean }): Promise<Credentials>;
}

/** Where to look: a kubeconfig file, a kubeconfig's text, or else $KUBECONFIG, ~/.kube/config, the pod's own account. */
export interface ConfigOptions {
  clock: Clock;
  file?: string;
  text?: string;
  context?: string;
}

/** Certificates and tokens on disk are read again after this long. */
const KEEP_MS = 10_000;

/** A cluster by address and bearer token alone: tests, proxies. */
export function fixedConfig(
  server: string,
  { token, tls = {} }: { token?: string; tls?: TlsInputs } = {},
): ClusterConfig {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const credentials = seal({ server, tls, proxyUrl: undefined, headers });
  return { namespace: async () => undefined, credentials: async () => credentials };
}

/** The cluster that kubectl would talk to. Files are read lazily; each error names the file and the fix. */
export function loadConfig(options: ConfigOptions): ClusterConfig {
  const { clock } = options;
  let loaded: Promise<KubeConfig> | undefined;
  let kept: { at: number; credentials: Credentials } | undefined;
  const config = (): Promise<KubeConfig> => {
    loaded ??= read(options).catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
  return {
    async namespace() {
      const kube = await config();
      return kube.getContextObject(kube.getCurrentContext())?.namespace?.trim();
    },
    async credentials({ fresh = false } = {}) {
      if (!fresh && kept !== undefined && clock.monotonic() - kept.at < KEEP_MS) return kept.credentials;
      // A new KubeConfig forgets every token that the old one kept, from files and from exec plug-ins alike.
      if (fresh) loaded = undefined;
      const credentials = await resolve(await config());
      kept = { at: clock.monotonic(), credentials };
      return credentials;
    },
  };
}

type KubeConfig = import('@kubernetes/client-node').KubeConfig;

async function read({ file, text, context }: ConfigOptions): Promise<KubeConfig> {
  // Loaded only when a cluster is wanted: it costs half a second and 60 MB.
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const kube = new KubeConfig();
  try {
    if (text !== undefined) kube.loadFromString(text);
    else if (file !== undefined) kube.loadFromFile(file);
    else kube.loadFromDefault();
  } catch (cause) {
    throw broken(
      `cannot read ${file ?? process.env['KUBECONFIG'] ?? 'the default kubeconfig'}: ${messageOf(cause)}`,
      cause,
    );
  }
  if (context !== undefined) {
    if (kube.getContextObject(context) === null)
      throw broken(`has no context "${context}"; see kubectl config get-contexts`);
    kube.setCurrentContext(context);
  }
  const cluster = kube.getCurrentCluster();
  if (cluster === null) throw broken('has no current cluster; set one with kubectl config use-context');
  // The library refuses plain http unless TLS checks are off; over plain http there is nothing to check.
  if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true });
  return kube;
}

async function resolve(kube: KubeConfig): Promise<Credentials> {
  const cluster = kube.getCurrentCluster();
  if (cluster === null) throw broken('has no current cluster; set one with kubectl config use-context');
  const proxyUrl = cluster.proxyUrl;
  if (proxyUrl !== undefined && !/^https?:/.test(proxyUrl)) {
    throw broken(`proxy-url ${proxyUrl} is not supported; use an http or https proxy`);
  }
  const options: TlsInputs & { headers?: Record<string, unknown>; auth?: string } = {};
  try {
    await kube.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  } catch (cause) {
    throw new OperatorError('KUBE_UNAUTHORIZED', `no credentials for ${cluster.server}: ${messageOf(cause)}`, {
      cause,
    });
  }
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  const tls = dropUndefined({ ca, cert, key, servername, rejectUnauthorized });
  return seal({ server: cluster.server, tls, proxyUrl, headers: headersOf(options) });
}

function headersOf({
  headers = {},
  auth,
}: {
  headers?: Record<string, unknown>;
  auth?: string;
}): Record<string, string> {
  const all: Record<string, string> = {};
  // Tokens in files often end with a line break, which no header may hold.
  for (const [name, value] of Object.entries(headers)) all[name.toLowerCase()] = String(value).trim();
  if (auth !== undefined) all['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  return all;
}

function seal({ server, ...rest }: Omit<Credentials, 'fingerprint'>): Credentials {
  const origin = server.replace(/\/+$/, '');
  const hash = createHash('sha256');
  const { ca, cert, key, servername, rejectUnauthorized } = rest.tls;
  for (const part of [origin, rest.proxyUrl, ca, cert, key, servername, rejectUnauthorized]) {
    hash.update(`${part ?? ''}\n`);
  }
  return { server: origin, ...rest, fingerprint: hash.digest('hex') };
}

function dropUndefined(tls: { [K in keyof TlsInputs]: TlsInputs[K] | undefined }): TlsInputs {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined && value !== null));
}

function broken(message: string, cause?: unknown): OperatorError {
  return new OperatorError('KUBE_UNAVAILABLE', `kubeconfig: ${message}`, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
