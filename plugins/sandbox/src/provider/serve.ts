/**
 * Runs the pretend provider as a process of its own: `node serve.ts [data directory] [port]`.
 *
 * The data directory may also come from `KASSAFLOW_PROVIDER_DATA_DIR`. When it listens it prints `{"ready":true,"port":n}`
 * on a line, and sends the same to its parent when there is one. It ends on SIGTERM, on SIGINT, and with its parent.
 */
import { startProvider } from './provider.ts';

const dataDir = process.argv[2] ?? process.env['KASSAFLOW_PROVIDER_DATA_DIR'];
if (dataDir === undefined) {
  process.stderr.write('Usage: serve <data directory> [port]\n');
  process.exit(2);
}

const provider = await startProvider({ dataDir, port: Number(process.argv[3] ?? 0) });
const ready = { ready: true, port: provider.port };
process.stdout.write(`${JSON.stringify(ready)}\n`);
process.send?.(ready);

let stopping = false;
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  provider.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
process.once('disconnect', stop);
