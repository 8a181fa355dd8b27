import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startMollieServer, type MollieServer } from '../../test/providers/mollie-server.ts';
import { connectionsApp, type ConnectionsApp } from './connections/connections.test-support.ts';
import { PluginHost } from './plugin-host.ts';
import { WarmPlugins } from './warm-plugins.ts';

let at: ConnectionsApp;
let mollie: MollieServer;
beforeAll(async () => {
  mollie = await startMollieServer();
  at = await connectionsApp(['mollie', 'twilio'], { 'https://api.mollie.com': mollie.url });
}, 120_000);
afterAll(async () => {
  await at.close();
  await mollie.close();
});

test('a plugin that somebody has connected is started before its first call, the others sleep on', async () => {
  const settings = { apiKey: mollie.apiKey, organizationToken: mollie.organizationToken };
  const made = await at.send('POST', '/v1/connections', { name: 'pay', plugin: 'mollie', settings });
  expect(made.status).toBe(201);
  // As after a restart: the connection is there, and no process.
  const host = new PluginHost({
    pluginsDir: at.config.pluginsDirectory,
    packages: [],
    isolation: 'basic',
    egressMap: new Map(),
    egressAllow: [],
    pretendProviders: false,
    dataDir: at.config.dataDirectory,
  });
  try {
    await host.onModuleInit();
    await new WarmPlugins(host, at.db.enginePool, at.db.database).wake();
    expect(host.status().map(({ id, state }) => [id, state])).toEqual([
      ['mollie', 'ready'],
      ['twilio', 'asleep'],
    ]);
  } finally {
    await host.onApplicationShutdown();
  }
});

test('a database that is away keeps nobody from starting', async () => {
  const away = { transact: () => Promise.reject(new Error('away')) };
  const woken: string[] = [];
  const warm = new WarmPlugins({ wake: async (plugin: string) => void woken.push(plugin) } as PluginHost, at.db.enginePool, away);
  await expect(warm.wake()).resolves.toBeUndefined();
  expect(woken).toEqual([]);
});
