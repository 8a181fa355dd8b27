/**
 * Finds which recorded events are news for which waiting runs, for all processes: the one that gets the lock on the cursor does.
 *
 * *Quiet*: nothing waits anywhere. Once every quarter of a second the cursor is moved to the end of the log without reading it.
 * *Alert*: somebody waits. Besides the quarter of a second it looks when this process has recorded an event of a type that is
 * waited for, or a wait; and again after 2, 4, … 64 ms, while another transaction may keep the log from being final.
 */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { crashPoint } from '../../platform/crash-points.ts';
import { MAKE_WAITS_CURSOR, MATCH_WAITS, SKIP_WITHOUT_WAITS, WAITED_TYPES } from './queries/match-waits.ts';
import { RepeatedLook } from './repeated-look.ts';

export interface WaitMatcherPorts {
  readonly pool: Pick<pg.Pool, 'query'>;
  elapsed(): number;
  /** Signals were written. */
  told(): void;
}

const POLL_MS = 250;
const AT_ONCE = 1_000;
/** So far back every event is held against a new wait; older ones are found by their subject. */
const LOOK_BACK_MS = 30_000;
const MOST_TYPES = 1_000;
const TYPES_EVERY_MS = 1_000;
const LAST_REPEAT_MS = 64;

interface Matched {
  readonly held: boolean;
  readonly told: number;
  readonly more: boolean;
  readonly early: boolean;
}

export class WaitMatcher {
  readonly #log = new Logger('runs');
  readonly #look = new RepeatedLook(
    () => this.#lookOnce(),
    (error) => this.#log.warn(`Matching events with waits failed: ${error instanceof Error ? error.message : String(error)}`),
  );
  /** `tenant/type` of what is waited for; `undefined` when there is too much to know, then everything is of interest. */
  #types: Set<string> | undefined = new Set();
  #typesAt = -Infinity;
  #poll: NodeJS.Timeout | undefined;
  #repeat: NodeJS.Timeout | undefined;
  #repeatMs = LAST_REPEAT_MS;

  constructor(private readonly ports: WaitMatcherPorts) {}

  async start(): Promise<void> {
    await this.ports.pool.query(MAKE_WAITS_CURSOR);
    await this.#readTypes();
    this.#poll = setInterval(() => this.#look.now(), POLL_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#poll);
    clearTimeout(this.#repeat);
    await this.#look.stop();
  }

  /** A run of this process waits for these from now on. */
  waits(tenantId: string, types: readonly string[]): void {
    for (const type of types) this.#types?.add(`${tenantId}/${type}`);
    this.#hurry();
  }

  /** This process has recorded an event. Called for every event. */
  recorded(tenantId: string, type: string): void {
    if (this.#types?.size !== 0 && (this.#types === undefined || this.#types.has(`${tenantId}/${type}`))) this.#hurry();
  }

  /** Events of whatever kind were recorded. */
  recordedSome(): void {
    if (this.#types?.size !== 0) this.#hurry();
  }

  #hurry(): void {
    this.#repeatMs = 1;
    this.#look.now();
  }

  async #lookOnce(): Promise<void> {
    clearTimeout(this.#repeat);
    if (this.ports.elapsed() - this.#typesAt > TYPES_EVERY_MS) await this.#readTypes();
    if (this.#types?.size === 0) {
      await this.ports.pool.query(SKIP_WITHOUT_WAITS);
      return;
    }
    crashPoint('signal.matched.before');
    let early = false;
    for (let more = true; more;) {
      const { rows } = await this.ports.pool.query<Matched>({ name: 'match-waits', text: MATCH_WAITS, values: [AT_ONCE, LOOK_BACK_MS] });
      const [row] = rows;
      if (row && row.told > 0) {
        crashPoint('signal.matched.after');
        this.ports.told();
      }
      early = row?.early === true;
      more = row?.held === true && row.more;
    }
    this.#repeatMs *= 2;
    if (early && this.#repeatMs <= LAST_REPEAT_MS) this.#repeat = setTimeout(() => this.#look.now(), this.#repeatMs).unref();
  }

  async #readTypes(): Promise<void> {
    const { rows } = await this.ports.pool.query<{ tenant_id: string; event_type: string }>(WAITED_TYPES, [MOST_TYPES]);
    this.#typesAt = this.ports.elapsed();
    this.#types = rows.length === MOST_TYPES ? undefined : new Set(rows.map(({ tenant_id, event_type }) => `${tenant_id}/${event_type}`));
  }
}
