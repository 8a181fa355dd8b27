/** Makes the {@link Sealer} available to every module; it needs the database. */
import { Module, type DynamicModule } from '@nestjs/common';
import { Database } from '../database/transaction.ts';
import { MasterKeys } from './master-keys.ts';
import { EnvelopeSealer, Sealer } from './sealer.ts';

@Module({})
export class SecretsModule {
  /** `keys` were checked against the data by `adoptDataKeys` before. */
  static with(keys: MasterKeys): DynamicModule {
    return {
      module: SecretsModule,
      global: true,
      providers: [
        { provide: MasterKeys, useValue: keys },
        { provide: Sealer, useFactory: (database: Database) => new EnvelopeSealer(database, keys), inject: [Database] },
      ],
      exports: [Sealer],
    };
  }
}
