import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Verdict } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database } from '../../platform/database/transaction.ts';
import type { WebhookConnection } from '../provider-calls.ts';
import { noteDelivered, noteRefused } from './connection-health.ts';

/** One row of a connection is written once a minute, however many deliveries come. */
const EVERY_MS = 60_000;
const MOST_REMEMBERED = 10_000;

/** Notes when a connection last had deliveries, and when it refused some: what an operator looks for when payments stay open. */
@Injectable()
export class DeliveryNotes {
  readonly #log = new Logger('connections');
  readonly #noted = new Map<string, number>();

  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Never rejects and never waits. A signature that does not fit may mean that the registration's secret is another one, so it leads
   * to a look where the plugin `registers`.
   */
  note({ tenantId, connectionId }: WebhookConnection, verdict: Verdict, registers: boolean): void {
    const key = `${connectionId} ${verdict.ok ? '' : verdict.reason}`;
    const now = this.clock.now();
    const before = this.#noted.get(key);
    if (before !== undefined && Math.abs(now.getTime() - before) < EVERY_MS) return;
    if (this.#noted.size >= MOST_REMEMBERED) this.#noted.clear();
    this.#noted.set(key, now.getTime());
    this.database
      .transact(tenantId, (tx) =>
        verdict.ok
          ? noteDelivered(tx, connectionId, now)
          : noteRefused(tx, connectionId, now, verdict.reason, registers && verdict.reason === 'signature-mismatch'),
      )
      .catch((error: unknown) => this.#log.warn({ message: 'a delivery could not be noted', connection: connectionId, error }));
  }
}
