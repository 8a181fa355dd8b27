/** Says that a cap is reached, as an event: once per cap and window, whoever asks how often. */
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/transaction.ts';
import { EventLog } from '../events/event-log.ts';
import type { EventDraft } from '../events/event.ts';
import { untilAnswered } from './statement-batch.ts';

/** A cap that has no room for a call. */
export interface ReachedCap {
  readonly tenantId: string;
  readonly guard: string;
  readonly label: string;
  readonly cap: bigint;
  /** Tells this counter and its window from all others. */
  readonly key: Buffer;
  readonly window: number;
  readonly frees: number;
  readonly flow: string;
  readonly action: string;
}

/** Caps that were said lately, in memory; what is forgotten is asked of the database. */
const MOST_SAID = 10_000;

@Injectable()
export class CapAlerts {
  readonly #said = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly events: EventLog,
  ) {}

  /** Resolves once the event is recorded, by this call or an earlier one. */
  async say(reached: ReachedCap): Promise<void> {
    const { tenantId, key, window } = reached;
    const name = `${key.toString('hex')}/${window}`;
    if (this.#said.has(name)) return;
    await untilAnswered(() =>
      this.database.transact(tenantId, async (tx) => {
        const [first] = await tx.query(
          'insert into guard_alert (tenant_id, name, expires_at) values ($1, $2, $3) on conflict do nothing returning name',
          [tenantId, name, new Date(reached.frees)],
        );
        if (first) await this.events.append(tx, draftOf(reached));
      }),
    );
    if (this.#said.size >= MOST_SAID) this.#said.clear();
    this.#said.add(name);
  }
}

function draftOf({ guard, label, cap, frees, flow, action }: ReachedCap): EventDraft {
  const reached = { guard, what: label, cap: cap.toString(), freesAt: new Date(frees).toISOString(), flow, action };
  return { type: 'guard.cap-reached', subject: `flow/${flow}`, data: { reached } };
}
