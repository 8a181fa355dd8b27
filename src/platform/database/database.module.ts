/** The database for the application: transactions of a tenant, the engine's pool, and whether it answers. */
import { Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import type { DatabaseAddress } from './database-address.ts';
import { DatabaseHealth } from './database-health.ts';
import { EnginePool, openPool } from './engine-pool.ts';
import { PostgresDatabase, type EntityList } from './postgres-database.ts';
import { Database } from './transaction.ts';

/** What the module is made of; the server behind `address` is started before and stopped after the application. */
export interface DatabaseModuleOptions {
  readonly address: DatabaseAddress;
  /** Entity definitions of the domain. */
  readonly entities: EntityList;
  /** Most connections of the app role, and of the engine role, each. */
  readonly poolSize: number;
  /** Hears of connections that broke while nobody used them. */
  readonly onConnectionError?: (error: Error) => void;
}

@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  // Global modules are shut down last, so everybody can still write until here.
  constructor(
    private readonly database: Database,
    private readonly enginePool: EnginePool,
  ) {}

  static on({ address, entities, poolSize, onConnectionError }: DatabaseModuleOptions): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        { provide: Database, useFactory: () => PostgresDatabase.open(address, entities, poolSize) },
        { provide: EnginePool, useFactory: () => openPool(address, 'engine', poolSize, onConnectionError) },
        { provide: DatabaseHealth, useFactory: (pool: EnginePool) => new DatabaseHealth(pool), inject: [EnginePool] },
      ],
      exports: [Database, EnginePool, DatabaseHealth],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.database instanceof PostgresDatabase ? this.database.close() : undefined, this.enginePool.end()]);
  }
}
