import { Inject, Injectable } from '@nestjs/common';
import { hash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { RegularWork } from '../../platform/regular-work.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { insertImport, lastNightlyDay, supersedeNightly } from './import-rows.ts';

/** How often it is looked whether a night has come. */
const EVERY_MS = 300_000;
/** By the tenant's clock. Reports are up to three hours late. */
const AT_HOUR = 4;
/** Each night reads so many days again: reports lag, and lines are corrected. */
const OVERLAP_DAYS = 7;
/** A gap since the last import that came to its end is closed up to here; what is older is imported by hand. */
const MOST_DAYS = 31;
/** Imports are spread over this time: a provider does not like all of its merchants at once. */
const SPREAD_MINUTES = 50;
const DAY_MS = 86_400_000;

/** Asks, each night, for an import from every connection whose plugin tells of settlements. */
@Injectable()
export class PlanNightly extends RegularWork {
  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly calls: ProviderCalls,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: PlanNightly.name, everyMs: EVERY_MS, problem: 'the nightly import of settlements could not be planned' });
  }

  protected override doDue(): Promise<unknown> {
    return this.plan();
  }

  /** Plans what this night is still without, and returns how many imports that were. Safe in several processes. */
  async plan(): Promise<number> {
    const { rows } = await this.pool.query<{ id: string; tenant_id: string; day: string }>(
      `select c.id, c.tenant_id, to_char(n.day, 'YYYY-MM-DD') as day
       from connection c join tenant t on t.id = c.tenant_id
         cross join lateral (select (($1::timestamptz at time zone t.time_zone) - make_interval(hours => $2))::date - 1 as day) n
       where c.state = 'active'
         and not exists (select from settlement_import i where i.connection_id = c.id and i.origin = 'nightly' and i.last_day >= n.day)
       order by c.id`,
      [this.clock.now(), AT_HOUR],
    );
    let planned = 0;
    for (const { id, tenant_id: tenantId, day } of rows)
      if ((await this.calls.has(id, 'payments.settlements')) && (await this.#planOne(tenantId, id, day))) planned += 1;
    return planned;
  }

  #planOne(tenantId: string, connectionId: string, lastDay: string): Promise<boolean> {
    return this.database.transact(tenantId, async (tx) => {
      const now = this.clock.now();
      const done = await lastNightlyDay(tx, connectionId);
      const id = await insertImport(tx, {
        connectionId,
        origin: 'nightly',
        firstDay: firstDayOf(lastDay, done),
        lastDay,
        actor: 'system',
        nextAt: new Date(now.getTime() + spreadMs(connectionId)),
        now,
      });
      if (id !== undefined) await supersedeNightly(tx, connectionId, lastDay, now);
      return id !== undefined;
    });
  }
}

/** @param done the last day of the newest night that was imported whole */
export function firstDayOf(lastDay: string, done: string | undefined): string {
  const overlap = daysBefore(lastDay, OVERLAP_DAYS - 1);
  const gap = done === undefined ? overlap : daysBefore(done, -1);
  const first = gap < overlap ? gap : overlap;
  const earliest = daysBefore(lastDay, MOST_DAYS - 1);
  return first < earliest ? earliest : first;
}

function daysBefore(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - days * DAY_MS).toISOString().slice(0, 10);
}

/** The same for a connection every night, from the eleventh minute on: everybody asks at the full hour. */
function spreadMs(connectionId: string): number {
  const share = Number.parseInt(hash('sha256', connectionId).slice(0, 8), 16) / 2 ** 32;
  return Math.round((10 + share * (SPREAD_MINUTES - 10)) * 60_000);
}
