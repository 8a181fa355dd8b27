import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../platform/database/transaction.ts';

/** A connection that was paused, or is in use again. */
export interface ConnectionTurn {
  readonly connection: {
    readonly id: string;
    readonly name: string;
    readonly plugin: string;
    readonly mode: 'test' | 'live';
  };
  readonly kind: 'paused' | 'recovered';
  /** What the provider said, without secrets; `''` when it is well. */
  readonly problem: string;
}

/** Called in the transaction in which the connection turns, once for each time. */
export type ConnectionListener = (tx: Transaction, turn: ConnectionTurn) => Promise<void>;

/** Tells modules that rank above this one how connections fare. */
@Injectable()
export class ConnectionNews {
  readonly #listeners: ConnectionListener[] = [];

  whenTurned(listener: ConnectionListener): void {
    this.#listeners.push(listener);
  }

  async tell(tx: Transaction, turn: ConnectionTurn): Promise<void> {
    for (const listener of this.#listeners) await listener(tx, turn);
  }
}
