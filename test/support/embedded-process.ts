/** A process that runs our own PostgreSQL as the application does, for tests that kill it: `node embedded-process.ts DIRECTORY`. */
import { DatabaseServer } from '../../src/platform/database/database-server.ts';

const [directory = ''] = process.argv.slice(2);
const server = await DatabaseServer.start({ database: undefined, dataDirectory: directory }, () => undefined);
const alive = setInterval(() => undefined, 60_000);
process.once('SIGTERM', () => {
  clearInterval(alive);
  void server.stop();
});
process.stdout.write(`${JSON.stringify({ postgres: server.embedded?.pid, host: server.address.host, port: server.address.port })}\n`);
