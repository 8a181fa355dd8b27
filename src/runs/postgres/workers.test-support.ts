/** Several engines over one new database, each with connections of its own, as in processes of their own. */
import type pg from 'pg';
import { openPool } from '../../platform/database/engine-pool.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { Provider } from '../conformance/provider.ts';
import type { RunSettings } from '../run-settings.ts';
import { testEngine, TestCatalogue, type TestEngine } from './engine.test-support.ts';

export class Workers {
  readonly provider = new Provider();
  readonly catalogue = new TestCatalogue();
  readonly engines: TestEngine[] = [];
  readonly pools: pg.Pool[] = [];

  constructor(readonly db: TestDatabase) {}

  static async open(): Promise<Workers> {
    return new Workers(await testDatabase({ poolSize: 4 }));
  }

  /** One more, started. */
  async engine(settings: Partial<RunSettings> = {}): Promise<TestEngine> {
    const pool = openPool(this.db.address, 'engine', 4);
    this.pools.push(pool);
    const started = testEngine(this.db, this.provider, { stopMs: 100, ...settings }, { catalogue: this.catalogue, pool });
    this.engines.push(started);
    await started.engine.start();
    return started;
  }

  async close(): Promise<void> {
    for (const { engine } of this.engines.splice(0)) await engine.stop();
    for (const pool of this.pools.splice(0)) if (!pool.ended) await pool.end();
    await this.db.close();
  }
}
