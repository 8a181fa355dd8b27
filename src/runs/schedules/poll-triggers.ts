import { Inject, Injectable } from '@nestjs/common';
import type { Failed, Polled, TriggerItem } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { exactMs, parseDuration } from '../../kernel/duration.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { CLOCK } from '../../platform/clock.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { IN_EVERY_PROCESS, RegularWork } from '../../platform/regular-work.ts';
import { messageOf } from '../../platform/thrown.ts';
import { TriggerDoor, type TriggerManifest } from '../../plugin-host/trigger-door.ts';
import { TriggerItems } from './trigger-items.ts';

type Value = Readonly<Record<string, unknown>>;

interface SourceRow {
  readonly tenant_id: string;
  readonly source: string;
  readonly trigger: string;
  readonly via: string | null;
  readonly input: Value;
  readonly connection_id: string | null;
  readonly cursor: string | null;
  readonly seen: readonly string[];
  readonly failures: number;
  /** As the database has it, to the microsecond: who holds the claim. */
  readonly claim: string;
}

/** What a poll leaves behind. */
interface Settled {
  readonly connectionId: string | null;
  readonly cursor: string | null;
  readonly seen: readonly string[];
  readonly failures: number;
  readonly problem: string | null;
  /** Milliseconds until the next one; `null` for never: the provider pushes. */
  readonly restMs: number | null;
}

/** Sources in hand at once. */
const AT_ONCE = 16;
const POLL_TIMEOUT_MS = 15_000;
/** Also after a look that failed: long enough for a database to come back, short enough for what is due. */
const LOOK_EVERY_MS = 1_000;
const USUAL_EVERY_MS = 60_000;
const SHORTEST_EVERY_MS = 1_000;
/** After failures: 5 s, 10 s, … */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 15 * 60_000;
/** How long a stop waits for polls under way. What they found is asked for again by whoever comes next. */
const STOP_MS = 2_000;

/**
 * Asks providers what is new for the triggers that flows name. One process at a time asks for a source, by a claim on its row; the
 * cursor moves when the items are on disk, so a process that dies repeats its poll, and the keys of the events leave the items alone
 * that were there. README.md has the whole protocol.
 */
@Injectable()
export class PollTriggers extends RegularWork {
  readonly #inHand = new Set<Promise<void>>();

  constructor(
    private readonly pool: EnginePool,
    private readonly door: TriggerDoor,
    private readonly items: TriggerItems,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const problem = 'polling triggers failed and is tried again';
    super(IN_EVERY_PROCESS, { context: 'triggers', everyMs: LOOK_EVERY_MS, problem, level: 'warn' });
  }

  override async onModuleDestroy(): Promise<void> {
    await super.onModuleDestroy();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, STOP_MS)));
    await Promise.race([Promise.all(this.#inHand), patience]);
    clearTimeout(timer);
  }

  /** Polls what is due now and waits for all of it. @returns how many sources it asked for */
  async pollDue(): Promise<number> {
    const rows = await this.#claim(AT_ONCE);
    await Promise.all(rows.map((row) => this.#poll(row)));
    return rows.length;
  }

  protected override async doDue(): Promise<void> {
    const free = AT_ONCE - this.#inHand.size;
    for (const row of free > 0 ? await this.#claim(free) : []) {
      const work = this.#poll(row)
        .catch((error: unknown) => this.log.warn({ error, trigger: row.trigger }, 'A poll could not be recorded and is repeated'))
        .finally(() => {
          this.#inHand.delete(work);
          this.wake();
        });
      this.#inHand.add(work);
    }
  }

  async #claim(limit: number): Promise<readonly SourceRow[]> {
    return (await this.pool.query<SourceRow>(CLAIM, [limit])).rows;
  }

  async #poll(row: SourceRow): Promise<void> {
    const settled = await this.#ask(row).catch((error: unknown) => this.#failed(row, { message: messageOf(error), ...hintOf(error) }));
    crashPoint('trigger.polled.after');
    const { connectionId, cursor, seen, failures, problem, restMs } = settled;
    await this.pool.query(SETTLE, [row.tenant_id, row.source, row.claim, connectionId, cursor, seen, failures, problem, restMs]);
  }

  async #ask(row: SourceRow): Promise<Settled> {
    const manifests = this.door.manifests().filter(({ name }) => name === row.trigger);
    const connection = await this.door.choose(row.tenant_id, row.trigger, row.via ?? undefined);
    const manifest = manifests.find(({ plugin }) => plugin === connection.plugin);
    const mine = connection.id === row.connection_id;
    // A cursor means something to the account that gave it: with another connection it begins again.
    const known = { connectionId: connection.id, cursor: mine ? row.cursor : null, seen: mine ? row.seen : [] };
    if (manifest?.mode === 'webhook') return { ...known, failures: 0, problem: null, restMs: null };
    const { every, ...input } = row.input;
    const outcome = await this.door.poll({
      tenantId: row.tenant_id,
      connectionId: connection.id,
      trigger: row.trigger,
      input,
      cursor: known.cursor ?? undefined,
      timeoutMs: POLL_TIMEOUT_MS,
    });
    if (outcome.kind !== 'ok') return { ...this.#failed(row, outcome), ...known };
    crashPoint('trigger.polled.before');
    const { items, cursor, more } = outcome.value;
    await this.#fire(row, connection.id, known.seen, items);
    return {
      connectionId: connection.id,
      cursor,
      seen: seenAfter(known.seen, outcome.value),
      failures: 0,
      problem: null,
      restMs: more === true ? 0 : everyMs(every, manifest),
    };
  }

  /** What the last poll had given already is left alone, also when the keys of its events are no longer kept. */
  async #fire(row: SourceRow, connectionId: string, seen: readonly string[], items: readonly TriggerItem<Value>[]): Promise<void> {
    const before = new Set(seen);
    const news = items.filter(({ id }) => !before.has(id));
    if (news.length === 0) return;
    const source = { tenantId: row.tenant_id, source: row.source, trigger: row.trigger, connectionId };
    await this.items.fire(source, news, this.clock.now());
  }

  #failed(row: SourceRow, { message, retryAfterMs }: Pick<Failed, 'message' | 'retryAfterMs'>): Settled {
    const { connection_id: connectionId, cursor, seen, trigger } = row;
    const failures = row.failures + 1;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(row.failures, 20), LONGEST_PAUSE_MS);
    const facts = { trigger, tenant: row.tenant_id, failures, problem: message };
    // Once it is plain that it does not go away by itself.
    if (failures === 5) this.log.error(facts, 'A trigger cannot be polled; it is tried again every few minutes');
    else this.log.debug(facts, 'A poll failed');
    return { connectionId, cursor, seen, failures, problem: message.slice(0, 500), restMs: Math.max(pauseMs, retryAfterMs ?? 0) };
  }
}

/** How often, by the flow, else the plugin. */
function everyMs(every: unknown, manifest: TriggerManifest | undefined): number {
  const wanted = typeof every === 'string' ? exactMs(parseDuration(every)) : undefined;
  return Math.max(wanted ?? manifest?.everyMs ?? USUAL_EVERY_MS, SHORTEST_EVERY_MS);
}

/** An answer without items says nothing of those before it: they may be given again by the next. */
function seenAfter(seen: readonly string[], { items }: Polled<Value>): readonly string[] {
  return items.length > 0 ? items.map(({ id }) => id) : seen;
}

function hintOf(error: unknown): { readonly retryAfterMs?: number } {
  return isKassaflowError(error) && error.retryAfterMs !== undefined ? { retryAfterMs: error.retryAfterMs } : {};
}

/** A claim of more than its length is one of a clock that was set back. */
const CLAIM = `
with due as (
  select tenant_id, source from trigger_source
  where next_poll_at <= clock_timestamp()
    and (claimed_until is null or claimed_until not between clock_timestamp() and clock_timestamp() + interval '20 seconds')
  order by next_poll_at limit $1 for update skip locked
)
update trigger_source s set claimed_until = clock_timestamp() + interval '20 seconds'
from due where s.tenant_id = due.tenant_id and s.source = due.source
returning s.tenant_id, s.source, s.trigger, s.via, s.input, s.connection_id, s.cursor, s.seen, s.failures, s.claimed_until::text as claim`;

/** Only who still holds the claim moves the cursor. */
const SETTLE = `
update trigger_source set connection_id = $4, cursor = $5, seen = $6, failures = $7, problem = $8, polled_at = clock_timestamp(),
  next_poll_at = clock_timestamp() + make_interval(secs => $9::float8 / 1000), claimed_until = null
where tenant_id = $1 and source = $2 and claimed_until = $3::timestamptz`;
