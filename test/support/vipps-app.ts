import { startVippsServer, type VippsServer } from '../providers/vipps-server.ts';
import { AppProcess } from './app-process.ts';

export interface VippsApp {
  readonly vipps: VippsServer;
  readonly app: AppProcess;
  /** A key of a tenant for everything. */
  readonly key: (name: string) => Promise<string>;
  /** Runs a command with the first key. @throws when it does not end with 0 */
  readonly command: (...args: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** The program itself, with a connection `wallet` to Vipps MobilePay on this machine: a provider that takes no money by itself. */
export async function openVippsApp(settings: Readonly<Record<string, string>> = {}): Promise<VippsApp> {
  const vipps = await startVippsServer();
  const app = await AppProcess.prepare({
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_EGRESS_MAP: `https://apitest.vipps.no=${vipps.url}`,
    ...settings,
  });
  const close = async (): Promise<void> => {
    await app.dispose();
    await vipps.close();
  };
  try {
    await app.start();
    return { vipps, app, close, ...(await connect(app, vipps)) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function connect(app: AppProcess, vipps: VippsServer): Promise<Pick<VippsApp, 'key' | 'command'>> {
  const run = async (args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { code, output } = await app.cli(args, more);
    if (code !== 0) throw new Error(`kassaflow ${args.join(' ')} ended with ${code}:\n${output}`);
    return output;
  };
  const key = async (name: string): Promise<string> => {
    const output = await run(['key', 'create', name, '--tenant', 'test', '--json']);
    return (JSON.parse(output) as { secret: string }).secret; // what the command prints
  };
  const first = await key('first');
  const command = (...args: readonly string[]): Promise<string> => run(args, { KASSAFLOW_API_KEY: first });
  const set = Object.entries(vipps.settings).flatMap(([field, value]) => ['--set', `${field}=${value}`]);
  await command('connection', 'add', 'wallet', 'vipps-mobilepay', ...set, '--json');
  return { key, command };
}
