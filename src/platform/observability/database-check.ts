/** Readiness depends on one thing outside the process: that a transaction of the app role goes through. */
import { Injectable } from '@nestjs/common';
import { Database } from '../database/transaction.ts';
import { NO_TENANT } from '../tenancy/no-tenant.ts';
import { Readiness } from './readiness.ts';

@Injectable()
export class DatabaseCheck {
  constructor(readiness: Readiness, database: Database) {
    readiness.check('database', () => database.transact(NO_TENANT, (tx) => tx.query('select 1 as one')));
  }
}
