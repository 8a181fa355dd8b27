/** Restate as a contestant: one server with its defaults, a Node service behind it, events sent one way to its ingress. */
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contestant, paymentReceived, processTree, startNode, startProgram, stopChild } from './contestant.ts';
import { freePort } from './free-port.ts';

const PEERS = join(dirname(fileURLToPath(import.meta.url)), 'peers');

export async function startRestate(sinkPort: number): Promise<Contestant> {
  const folder = mkdtempSync(join(tmpdir(), 'kassaflow-bench-restate-'));
  const [ingress, admin, fabric] = [await freePort(), await freePort(), await freePort()];
  const app = await startNode(join(PEERS, 'restate-app.ts'), [`http://127.0.0.1:${sinkPort}`, String(await freePort())], { cwd: PEERS });
  const server = await startProgram(
    join(PEERS, 'node_modules/.bin/restate-server'),
    ['--base-dir', folder, '--node-name', 'bench'],
    {
      cwd: folder,
      log: openSync(join(folder, 'server.log'), 'a'),
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        RESTATE_DISABLE_TELEMETRY: 'true',
        RESTATE_LISTEN_MODE: 'tcp',
        RESTATE_BIND_ADDRESS: `127.0.0.1:${fabric}`,
        RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${fabric}`,
        RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      },
    },
    async () => (await fetch(`http://127.0.0.1:${admin}/health`)).ok,
  );
  await register(admin, app.port);
  return {
    name: 'restate',
    target: {
      port: ingress,
      path: () => '/payments/received/send',
      headers: { 'content-type': 'application/json' },
      body: (reference) => JSON.stringify(paymentReceived(reference)),
    },
    unfinished: () => openInvocations(admin),
    processes: () => [...processTree(server.pid ?? 0), ...processTree(app.child.pid ?? 0)],
    stop: async () => {
      await stopChild(server);
      await stopChild(app.child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function register(admin: number, servicePort: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${admin}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${servicePort}` }),
  });
  if (!answer.ok) throw new Error(`Restate did not accept the service: ${answer.status} ${await answer.text()}`);
  // A deployment is visible to the ingress a moment after it was accepted.
  await new Promise((resolve) => setTimeout(resolve, 500));
}

async function openInvocations(admin: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${admin}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({
      query: "select count(*) as n from sys_invocation_status where status in ('scheduled', 'inboxed', 'invoked', 'suspended')",
    }),
  });
  const { rows } = (await answer.json()) as { rows: { n: number }[] };
  return rows[0]?.n ?? 0;
}
