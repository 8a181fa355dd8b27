/** A start that fails half-way ends the process: whatever it had begun, timers and connections, must not keep it alive without use. */
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { EMBEDDED_DATABASE } from '../../src/platform/database/embedded/embedded-database.ts';
import { readPostmaster } from '../../src/platform/database/embedded/postmaster-file.ts';
import { AppProcess } from '../support/app-process.ts';
import { STORY_MS } from '../support/patience.ts';

let app: AppProcess;
afterEach(() => app.dispose());

test(
  'a process whose parts cannot all be started says why and ends',
  async () => {
    app = await AppProcess.prepare({ LOG_LEVEL: 'warn', KASSAFLOW_DEMO: 'false', KASSAFLOW_FLOWS: 'database' });
    await app.start();
    const host = readPostmaster(join(app.folder, 'data/postgres'))?.socketDirectory ?? '';
    const client = new pg.Client({ host, port: 5432, user: 'postgres', database: EMBEDDED_DATABASE });
    client.on('error', () => undefined);
    await client.connect();
    // The lease of the engine is taken when most parts have begun their work.
    await client.query('alter table engine_lease rename to engine_lease_away');
    await client.end();
    await app.kill();
    await app.launch(['start']);
    await app.died();
    expect(app.output).toContain('Something went wrong inside Kassaflow');
  },
  STORY_MS,
);
