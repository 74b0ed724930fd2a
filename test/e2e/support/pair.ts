import { readFileSync } from 'node:fs';
import type { Lab } from '../../lab/connect.ts';
import { startProxy, type WriteProxy } from '../../lab/proxy/proxy.ts';
import { waitFor } from '../../lab/wait.ts';
import { type Journal, openJournal } from './journal.ts';
import { quickStart, shortRelease } from './lane.ts';
import { type App, type OperatorProcess, openStage } from './stage.ts';
import { labelOf } from './write-label.ts';

export interface Member {
  /** Name of its line through the proxy. */
  client: 'first' | 'second';
  operator: OperatorProcess;
}

/** One application and two operators with the same Lease, each with a line of its own to the API server. */
export interface Pair {
  app: App;
  proxy: WriteProxy;
  journal: Journal;
  /** Who holds the Lease now, and who does not. */
  roles(): Promise<{ leader: Member; other: Member }>;
  /** Waits until this one holds the Lease. */
  leads(member: Member): Promise<void>;
  /** Raises that the API server accepted from this one. */
  raisesOf(member: Member): number;
  close(): Promise<void>;
}

/** Long enough that a busy machine makes nobody lose it, short enough to wait until it has run out. */
const patientLease = {
  HEADGATE_LEASE_DURATION: '8s',
  HEADGATE_RENEW_DEADLINE: '7s',
  HEADGATE_RETRY_PERIOD: '500ms',
};

export async function openPair(lab: Lab, name: string): Promise<Pair> {
  const target = { server: lab.apiServer, ca: readFileSync(lab.caFile, 'utf8') };
  const clients = ['first', 'second'] as const;
  const proxy = await startProxy({ target, address: lab.hostAddress, clients: [...clients], label: labelOf });
  const stage = await openStage(lab, name);
  const members: Member[] = [];
  const environment = { ...quickStart(lab), ...patientLease };
  for (const client of clients) {
    const server = proxy.url(client);
    members.push({ client, operator: await stage.startOperator({ name: client, server, environment }) });
  }
  const app = await stage.open(shortRelease);
  const journal = openJournal(lab, app.spec);
  await journal.catchUp();
  const holder = async (): Promise<string> => {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${stage.namespace}/leases/headgate`;
    const { body } = await lab.api<{ spec?: { holderIdentity?: string } }>({ path });
    return body.spec?.holderIdentity?.split('_')[0] ?? '';
  };
  return {
    app,
    proxy,
    journal,
    async roles() {
      const held = await holder();
      const leader = members.find(({ client }) => client === held);
      const other = members.find(({ client }) => client !== held);
      if (leader === undefined || other === undefined) throw new Error(`the Lease is held by "${held}"`);
      return { leader, other };
    },
    async leads({ client }) {
      await waitFor(`${client} to lead`, async () => ((await holder()) === client ? true : undefined));
    },
    raisesOf: ({ client }) =>
      proxy.writes(client).filter(({ label, status }) => /^httproutes [1-9]/.test(label ?? '') && status === 200)
        .length,
    async close() {
      await journal.close();
      await stage.close();
      await proxy.close();
    },
  };
}
