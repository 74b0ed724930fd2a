import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './network.ts';

/** Ordinary people of the lab: authenticated, in no group, without rights until a test binds a role to them. */
const people = ['alice', 'bob', 'carol'] as const;
export type Person = (typeof people)[number];

/** Files that prove who somebody is. */
export interface Credentials {
  /** Folder in which the API server puts its self-signed certificate. */
  readonly dir: string;
  /** The certificate's chain with its CA: valid for the lab's address and `localhost`. */
  readonly caFile: string;
  /** Key of that certificate, for a proxy inside the lab that has to look like the API server. */
  readonly keyFile: string;
  readonly tokensFile: string;
  readonly adminTokenFile: string;
  readonly signingKeyFile: string;
  readonly adminToken: string;
  readonly personTokens: Readonly<Record<Person, string>>;
}

export function writeCredentials({ dir: labDir }: Pick<Place, 'dir'>): Credentials {
  const dir = join(labDir, 'pki');
  mkdirSync(dir, { mode: 0o700 });
  const adminToken = newToken();
  const personTokens = { alice: newToken(), bob: newToken(), carol: newToken() } satisfies Record<Person, string>;
  const credentials: Credentials = {
    dir,
    caFile: join(dir, 'apiserver.crt'),
    keyFile: join(dir, 'apiserver.key'),
    tokensFile: join(dir, 'tokens.csv'),
    adminTokenFile: join(dir, 'admin.token'),
    signingKeyFile: join(dir, 'service-accounts.key'),
    adminToken,
    personTokens,
  };
  const rows = [
    `${adminToken},admin,admin,"system:masters"`,
    ...people.map((name) => `${personTokens[name]},${name},${name}`),
  ];
  writeFileSync(credentials.tokensFile, `${rows.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(credentials.adminTokenFile, adminToken, { mode: 0o600 });
  // Elliptic, because an RSA key takes up to a second to find and the lab makes one per start.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(credentials.signingKeyFile, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  return credentials;
}

function newToken(): string {
  return randomBytes(24).toString('hex');
}

export interface KubeconfigFields {
  readonly server: string;
  readonly caFile: string;
  readonly token: string;
  readonly namespace: string;
}

/** JSON is YAML, so every client reads it. */
export function kubeconfigText({ server, caFile, token, namespace }: KubeconfigFields): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'lab', user: { token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab', namespace } }],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
