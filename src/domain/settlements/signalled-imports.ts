/**
 * Imports that a provider's own signal asks for: a payout came, or is explained at last.
 *
 * A signal has the last seven days read a minute later, with today, as far as the provider tells of it; one whose report of a day comes when
 * the day is over says so, and until when to wait. Providers with a signal for every movement send hundreds a day, so the signals of an hour
 * share one import: at most one waits, and none begins within an hour after the one before has ended. One that comes while its import
 * is being read stays in the inbox, because that reading may have left before it. Imports of the night that the provider put off are looked
 * at a minute later too. The days are read again by the night, which changes nothing (`settlement-lines.ts`).
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database } from '../../platform/database/transaction.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import type { SignalResult } from '../payments/index.ts';
import { hastenImports, insertImport, newestSignalled } from './import-rows.ts';

const DAY_MS = 86_400_000;
const DAYS = 7;
/** Signals of one payout come together. */
const GATHER_MS = 60_000;
const PAUSE_MS = 3_600_000;
/** With the number of times that the inbox tries, two and a half hours of reading. */
const AGAIN_MS = 300_000;

@Injectable()
export class SignalledImports {
  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What a signal about settlements leads to; `undefined` for a provider whose settlements cannot be read. */
  async applyProviderEvent(tenantId: string, connectionId: string): Promise<SignalResult | undefined> {
    if (!(await this.calls.has(connectionId, 'payments.settlements'))) return undefined;
    return this.database.transact(tenantId, async (tx) => {
      const now = this.clock.now();
      const soon = new Date(now.getTime() + GATHER_MS);
      await hastenImports(tx, connectionId, soon);
      const newest = await newestSignalled(tx, connectionId);
      if (newest?.isBegun) return { kind: 'again', afterMs: AGAIN_MS };
      const rested = new Date((newest?.endedAt?.getTime() ?? 0) + PAUSE_MS);
      await insertImport(tx, {
        connectionId,
        origin: 'signal',
        firstDay: dayOf(now.getTime() - (DAYS - 1) * DAY_MS),
        lastDay: dayOf(now.getTime()),
        actor: 'system',
        nextAt: rested > soon ? rested : soon,
        now,
      });
      return { kind: 'applied' };
    });
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
