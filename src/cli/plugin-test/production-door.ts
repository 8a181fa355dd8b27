/** The kit's door to a plugin as it runs in production: the host's own runner, gateway, permissions and watchdog, for one plugin. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PluginInProduction, ProductionDoor } from '@kassaflow/plugin-sdk/testing';
import { systemClock } from '../../kernel/clock.ts';
import { refusalOf } from '../../plugin-host/check-manifest.ts';
import { EgressRules } from '../../plugin-host/egress/egress-rules.ts';
import { EgressGateway } from '../../plugin-host/egress/gateway.ts';
import { HttpClient } from '../../plugin-host/egress/http-client.ts';
import { findIsolation } from '../../plugin-host/isolation.ts';
import { processCommand } from '../../plugin-host/process-command.ts';
import { PluginRunner } from '../../plugin-host/plugin-runner.ts';

export const productionDoor: ProductionDoor = { start };

async function start({ id, folder, entry, origins }: Parameters<ProductionDoor['start']>[0]): Promise<PluginInProduction> {
  const isolation = await findIsolation('basic');
  const sockets = mkdtempSync(path.join(tmpdir(), 'kassaflow-kit-'));
  const socket = path.join(sockets, 'gateway.sock');
  const client = new HttpClient();
  const gateway = new EgressGateway(new EgressRules(new Map(Object.entries(origins))), client);
  await gateway.listen(socket);
  const runner = new PluginRunner({
    id,
    folder,
    gateway,
    clock: systemClock,
    command: (network) => processCommand(isolation, { folder: realpathSync(folder), entry: realpathSync(entry) }, network, socket),
    log: () => undefined,
  });
  await runner.start();
  return {
    ...(runner.refusal ? { refusal: refusalOf(runner.refusal) } : {}),
    call: ({ path: method, input, settings, key, timeoutMs }) =>
      runner.call({
        path: method,
        input,
        timeoutMs,
        mayCallOut: true,
        context: {
          settings,
          connection: { id: 'con_conformance', name: 'conformance' },
          mode: 'test',
          idempotencyKey: key,
          attempt: 1,
          now: systemClock.now().getTime(),
        },
      }),
    stop: async () => {
      runner.stop();
      await gateway.close();
      await client.close();
      rmSync(sockets, { recursive: true, force: true });
    },
  };
}
