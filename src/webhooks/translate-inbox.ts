import { Inject, Injectable } from '@nestjs/common';
import type { ProviderSignal } from '@kassaflow/plugin-sdk';
import { Mandates, Payments, WebhookAddresses, type SignalResult } from '../domain/payments/index.ts';
import { SignalledImports } from '../domain/settlements/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { CLOCK } from '../platform/clock.ts';
import { Config } from '../platform/config/config.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { underLease } from '../platform/lease.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { RegularWork } from '../platform/regular-work.ts';
import { DeliveryReaders } from '../plugin-host/delivery-readers.ts';
import { ProviderCalls } from '../plugin-host/provider-calls.ts';
import { Inbox, type InboxRow, type InboxVerdict } from './inbox.ts';
import { routeProviderEvent, signalKey } from './route-provider-event.ts';

/** How often the inbox is looked at when nobody wakes us: deliveries of other processes, and those that wait. */
const EVERY_MS = 1_000;
/** In hand at once. */
const BATCH = 32;
/** Deliveries, then payments, handled at the same time: each waits for at most one call to a provider. */
const AT_ONCE = 8;
/** A webhook may beat our own answer from the provider; after so long nothing is on its way any more. */
const ORPHAN_FOR_MS = 10 * 60_000;
/** With the pauses below, about two hours of failures. */
const MOST_ATTEMPTS = 30;
const UNKNOWN_PAYMENT = 'no payment of ours is known by it';
const LONGEST_PAUSE_MS = 5 * 60_000;

/** One payment (or other object) to fetch, and the rows that ask for it. */
interface Group {
  readonly signal: ProviderSignal;
  readonly rows: InboxRow[];
}

/**
 * Finds out what stored deliveries mean and applies it. Many signals of one payment are one fetch. Whatever is applied twice
 * changes nothing the second time, so a process that dies anywhere in here only repeats work.
 */
@Injectable()
export class TranslateInbox extends RegularWork<number> {
  constructor(
    private readonly inbox: Inbox,
    private readonly calls: ProviderCalls,
    private readonly readers: DeliveryReaders,
    private readonly payments: Payments,
    private readonly mandates: Mandates,
    private readonly settlements: SignalledImports,
    private readonly addresses: WebhookAddresses,
    private readonly pool: EnginePool,
    private readonly metrics: Metrics,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: TranslateInbox.name, everyMs: EVERY_MS, problem: 'the inbox could not be read' });
  }

  protected override doDue(): Promise<number> {
    return this.translateDue();
  }

  protected override pauseAfter(taken: number): number {
    return taken === 0 ? EVERY_MS : 0;
  }

  /** Handles what is due now, one batch for each tenant, and returns how many rows it took. */
  async translateDue(): Promise<number> {
    const { rows } = await this.pool.query<{ tenant_id: string }>(TENANTS_WITH_DUE, [this.clock.now()]);
    const taken = await Promise.all(rows.map(({ tenant_id: tenantId }) => this.#batch(tenantId)));
    return taken.reduce((total, count) => total + count, 0);
  }

  async #batch(tenantId: string): Promise<number> {
    const rows = await this.inbox.take(tenantId, this.clock.now(), BATCH);
    const ids = rows.map(({ id }) => id);
    const verdicts = await underLease(
      () => this.inbox.renew(tenantId, ids, this.clock.now()),
      () => this.#handle(rows),
    );
    crashPoint('webhook.applied.after');
    await this.inbox.settle(tenantId, verdicts);
    for (const row of rows)
      this.metrics.webhooksReceived.inc({ provider: row.connection.plugin, result: verdicts.get(row.id)?.state ?? 'ignored' });
    return rows.length;
  }

  async #handle(rows: readonly InboxRow[]): Promise<ReadonlyMap<string, InboxVerdict>> {
    const verdicts = new Map<string, InboxVerdict>();
    const groups = new Map<string, Group>();
    await eachAtOnce(rows, (row) => this.#translate(row, groups, verdicts));
    await eachAtOnce([...groups.values()], (group) => this.#apply(group, verdicts));
    return verdicts;
  }

  /** Reads one delivery and puts its signals with those of other rows about the same object. */
  async #translate(row: InboxRow, groups: Map<string, Group>, verdicts: Map<string, InboxVerdict>): Promise<void> {
    verdicts.set(row.id, { state: 'ignored' });
    try {
      const url = this.addresses.of(row.connection.plugin, row.connection.connectionId);
      const delivery = { ...row.delivery, url };
      if ((await this.readers.read(row.connection, delivery)) > 0) worse(verdicts, row.id, { state: 'applied' });
      for (const signal of await this.calls.translate(row.connection, delivery)) {
        const key = signalKey(row.connection, signal);
        const group = groups.get(key);
        if (group) group.rows.push(row);
        else groups.set(key, { signal, rows: [row] });
      }
    } catch (error) {
      verdicts.set(row.id, this.#troubled(row, error));
    }
  }

  async #apply({ signal, rows }: Group, verdicts: Map<string, InboxVerdict>): Promise<void> {
    const [first] = rows;
    if (!first) return;
    crashPoint('webhook.applied.before');
    try {
      const { payments, mandates, settlements } = this;
      const result = await routeProviderEvent({ payments, mandates, settlements }, first.connection, signal);
      for (const row of rows) worse(verdicts, row.id, this.#verdictOf(row, result));
    } catch (error) {
      for (const row of rows) worse(verdicts, row.id, this.#troubled(row, error));
    }
  }

  #verdictOf(row: InboxRow, result: SignalResult | undefined): InboxVerdict {
    switch (result?.kind) {
      case undefined:
        return { state: 'ignored' };
      case 'applied':
        return { state: 'applied' };
      case 'again':
        return row.attempts < MOST_ATTEMPTS
          ? { state: 'received', againAt: this.#in(result.afterMs), ...(result.problem !== undefined && { problem: result.problem }) }
          : this.#failed(row, result.problem ?? 'the provider gave no answer');
      case 'refused':
        return this.#failed(row, result.message);
      case 'orphan':
        if (this.clock.now().getTime() - row.delivery.receivedAt >= ORPHAN_FOR_MS) return this.#failed(row, UNKNOWN_PAYMENT);
        return { state: 'orphan', problem: UNKNOWN_PAYMENT, againAt: this.#in(pauseMs(row.attempts)) };
    }
  }

  #troubled(row: InboxRow, error: unknown): InboxVerdict {
    const problem = error instanceof Error ? error.message.slice(0, 500) : 'unknown trouble';
    if (row.attempts >= MOST_ATTEMPTS) return this.#failed(row, problem);
    this.log.warn({ message: 'a delivery could not be applied yet', inbox: row.id, problem });
    return { state: 'received', problem, againAt: this.#in(pauseMs(row.attempts)) };
  }

  #failed(row: InboxRow, problem: string): InboxVerdict {
    this.log.error({ message: 'a delivery of a provider needs a person', inbox: row.id, provider: row.connection.plugin, problem });
    return { state: 'failed', problem };
  }

  #in(ms: number): Date {
    return new Date(this.clock.now().getTime() + ms);
  }
}

/** From tenant to tenant along the index, so that it costs as much as there are tenants, and not as rows. */
const TENANTS_WITH_DUE = `
with recursive tenant_of as (
  (select tenant_id from inbox where next_at is not null order by tenant_id limit 1)
  union all
  select (select i.tenant_id from inbox i where i.next_at is not null and i.tenant_id > t.tenant_id order by i.tenant_id limit 1)
  from tenant_of t where t.tenant_id is not null
)
select tenant_id from tenant_of t
where tenant_id is not null and exists (select from inbox i where i.tenant_id = t.tenant_id and i.next_at <= $1)`;

/** Works on all items, {@link AT_ONCE} at a time. `work` does not reject. */
async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  // Each of these takes the next item until none is left.
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
    }),
  );
}

const SEVERITY: readonly InboxVerdict['state'][] = ['ignored', 'applied', 'failed', 'orphan', 'received'];

/** A delivery with several signals is as far as the one that is least far: what must be tried again outranks all. */
function worse(verdicts: Map<string, InboxVerdict>, id: string, verdict: InboxVerdict): void {
  const before = verdicts.get(id)?.state ?? 'ignored';
  if (SEVERITY.indexOf(verdict.state) > SEVERITY.indexOf(before)) verdicts.set(id, verdict);
}

/** 1, 2, 4 … seconds, at most five minutes. */
function pauseMs(attempts: number): number {
  return Math.min(1_000 * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
}
