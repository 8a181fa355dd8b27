import type { Transaction } from '../../platform/database/transaction.ts';

/** A connection as far as payments need it. */
export interface PaymentConnection {
  readonly id: string;
  readonly name: string;
  readonly plugin: string;
  readonly mode: 'test' | 'live';
  readonly isDefault: boolean;
  readonly active: boolean;
}

/** The tenant's connections, the default first; a tenant has a handful. Those that were removed come last, for the payments that name them. */
export async function readConnections(tx: Transaction): Promise<PaymentConnection[]> {
  return tx.query<{ id: string; name: string; plugin: string; mode: 'test' | 'live'; isDefault: boolean; active: boolean }>(
    `select id, name, plugin, mode, is_default as "isDefault", state = 'active' as active from connection
     order by state = 'removed', is_default desc, name limit 1000`,
  );
}
