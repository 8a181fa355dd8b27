/** Runs the plugins of `test-plugins` behind real gateways, for the tests of this folder. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../kernel/clock.ts';
import type { CallContext } from './child/protocol.ts';
import { EgressRules } from './egress/egress-rules.ts';
import { EgressGateway } from './egress/gateway.ts';
import { HttpClient } from './egress/http-client.ts';
import { childCommand, findIsolation, type IsolationLevel } from './isolation.ts';
import type { RememberedDescription } from './plugin-memory.ts';
import { PluginRunner, type RunnerCall } from './plugin-runner.ts';
import type { ProcessLimits } from './plugin-process.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
export const TEST_PLUGINS = join(HERE, 'test-plugins');
const ROOT = join(HERE, '../..');

export interface TestRunner {
  readonly runner: PluginRunner;
  readonly logged: { level: string; message: string; facts: Readonly<Record<string, unknown>> }[];
  stop(): Promise<void>;
}

export interface TestRunnerOptions {
  readonly map?: Readonly<Record<string, string>>;
  readonly isolation?: IsolationLevel;
  readonly limits?: ProcessLimits;
  readonly loadMs?: number;
  /** With it the plugin is described, and sleeps. */
  readonly memory?: RememberedDescription;
  /** Hears of every process that is started, and with which network. */
  readonly onLaunch?: (network: 'gateway' | 'direct') => void;
}

/** Starts one test plugin and waits until it is ready, asleep or refused. */
export async function testRunner(id: string, options: TestRunnerOptions = {}): Promise<TestRunner> {
  const dir = mkdtempSync(join(tmpdir(), 'kassaflow-test-'));
  const client = new HttpClient();
  const gateway = new EgressGateway(new EgressRules(new Map(Object.entries(options.map ?? {}))), client);
  const socket = join(dir, 'gateway.sock');
  await gateway.listen(socket);
  const isolation = await findIsolation(options.isolation ?? 'basic');
  const folder = join(TEST_PLUGINS, id);
  const logged: TestRunner['logged'] = [];
  const runner = new PluginRunner({
    id,
    folder,
    gateway,
    clock: systemClock,
    command: (network) => {
      options.onLaunch?.(network);
      return childCommand(isolation, {
        network,
        source: true,
        readable: [join(HERE, 'child'), folder, join(ROOT, 'plugins/sdk'), join(ROOT, 'node_modules')],
        script: [join(HERE, 'child/main.ts'), join(folder, 'plugin.ts'), socket],
      });
    },
    log: (level, message, facts) => logged.push({ level, message, facts }),
    ...(options.limits ? { limits: options.limits } : {}),
    ...(options.loadMs ? { loadMs: options.loadMs } : {}),
    ...(options.memory ? { memory: options.memory } : {}),
  });
  await (options.memory ? runner.describe() : runner.start());
  const stop = async (): Promise<void> => {
    runner.stop();
    await gateway.close();
    await client.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { runner, logged, stop };
}

/** A call of an action with settings as a connection would have. */
export function actionCall(action: string, input: Readonly<Record<string, unknown>>, timeoutMs = 20_000): RunnerCall {
  const context: CallContext = {
    settings: { apiKey: 'key-that-is-secret' },
    connection: { id: 'con_x', name: 'x' },
    mode: 'test',
    idempotencyKey: 'k1',
    attempt: 1,
    now: 1_760_000_000_000,
  };
  return { path: `action:${action}:run`, context, input, timeoutMs, mayCallOut: true };
}
