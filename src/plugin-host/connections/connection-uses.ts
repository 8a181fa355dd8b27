import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../platform/database/transaction.ts';

/** Says what a connection is still needed for: `3 open payments`; `undefined` when for nothing. */
export type ConnectionUse = (tx: Transaction, connectionId: string) => Promise<string | undefined>;

/** What modules that rank above this one need connections for: none is removed that is still needed. */
@Injectable()
export class ConnectionUses {
  readonly #uses: ConnectionUse[] = [];

  offer(use: ConnectionUse): void {
    this.#uses.push(use);
  }

  /** Everything that the connection is needed for. */
  async of(tx: Transaction, connectionId: string): Promise<string[]> {
    const found: string[] = [];
    for (const use of this.#uses) {
      const need = await use(tx, connectionId);
      if (need !== undefined) found.push(need);
    }
    return found;
  }
}
