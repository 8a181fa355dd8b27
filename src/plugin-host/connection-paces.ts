/**
 * How fast connections may be called, over all processes.
 *
 * Three things, all in the table `connection_pace`:
 * - places in time, from which each process leases blocks ({@link Pace}): they hold the limit itself, at the last moment before the wire;
 * - holds: a provider's 429 with Retry-After, which every process learns within half a second;
 * - the line: a step that would wait for more than a second rests on disk until its place in the line, first come, first served. Places in
 *   the line are a twentieth further apart than calls, so that whoever comes back finds room. A connection belongs to one tenant, so
 *   no tenant stands in another's line.
 */
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { systemClock } from '../kernel/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { messageOf } from '../platform/thrown.ts';
import { Pace, spacing, type Block } from './pace.ts';

/** A connection and its limit. */
export interface PacedConnection {
  /** `uuid`. */
  readonly id: string;
  readonly tenantId: string;
  /** Absent when nobody has set one. */
  readonly perSecond: number | undefined;
}

const POLL_MS = 500;
/** A step that would wait for longer does so on disk. */
const CROWDED_MS = 1_000;
/** Places in the line that are taken at once. */
const LINE_BLOCK = 50;
const LINE_SLOWER = 1.05;
/** How a connection without a limit is come back to after a hold. */
const UNLIMITED_PER_SECOND = 50;

interface Known {
  readonly connection: PacedConnection;
  readonly pace: Pace | undefined;
  /** Moments of this process's clock. */
  heldUntil: number;
  lineUntil: number;
  /** Places in the line, leased and not given out: milliseconds since 1970. */
  readonly places: number[];
  leasing: Promise<void> | undefined;
}

@Injectable()
export class ConnectionPaces implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('connections');
  readonly #known = new Map<string, Known>();
  readonly #clock = systemClock;
  #poll: NodeJS.Timeout | undefined;
  #silent = false;

  constructor(@Inject(EnginePool) private readonly pool: Pick<EnginePool, 'query'>) {}

  onModuleInit(): void {
    this.#poll = setInterval(() => void this.#look(), POLL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#poll);
  }

  /** Waits for the moment at which a call may leave, at most `withinMs`. @returns false when there was none */
  async take(connection: PacedConnection, withinMs: number): Promise<boolean> {
    return (await this.#of(connection).pace?.take(withinMs)) ?? true;
  }

  /** Milliseconds for which the provider wants no calls of this connection. */
  held(connectionId: string): number {
    const known = this.#known.get(connectionId);
    return known ? Math.max(0, known.heldUntil - this.#clock.elapsed()) : 0;
  }

  /** The provider asked to be left alone. Every process learns of it; should the database be away, this one does. */
  hold(connection: PacedConnection, forMs: number): void {
    const known = this.#of(connection);
    known.heldUntil = Math.max(known.heldUntil, this.#clock.elapsed() + forMs);
    known.pace?.forget();
    this.pool.query(HOLD, [connection.id, connection.tenantId, forMs]).catch((error: unknown) => {
      this.#log.warn({ connection: connection.id }, `other processes could not be told to hold back: ${messageOf(error)}`);
    });
  }

  /** True when a call that came now would wait for more than a second: for the provider, for its turn, or behind those in the line. */
  isCrowded(connectionId: string): boolean {
    const known = this.#known.get(connectionId);
    if (!known) return false;
    const now = this.#clock.elapsed();
    return Math.max(known.heldUntil - now, known.lineUntil - now, known.pace?.wait ?? 0) > CROWDED_MS;
  }

  /** A place at the end of the line, in milliseconds since 1970; `undefined` when there is no line to stand in. */
  async placeInLine(connectionId: string): Promise<number | undefined> {
    const known = this.#known.get(connectionId);
    if (!known || !this.isCrowded(connectionId)) return undefined;
    while (known.places.length === 0) {
      known.leasing ??= this.#leaseLine(known).finally(() => (known.leasing = undefined));
      await known.leasing;
    }
    return known.places.shift();
  }

  #of(connection: PacedConnection): Known {
    const before = this.#known.get(connection.id);
    if (before && before.connection.perSecond === connection.perSecond) return before;
    const { id, tenantId, perSecond } = connection;
    const lease = (count: number, apart: number): Promise<Block> => this.#leasePlaces(id, tenantId, count, apart);
    const known: Known = {
      connection,
      pace: perSecond === undefined ? undefined : new Pace({ clock: this.#clock, perSecond, lease }),
      heldUntil: before?.heldUntil ?? 0,
      lineUntil: before?.lineUntil ?? 0,
      places: before?.places ?? [],
      leasing: undefined,
    };
    this.#known.set(id, known);
    return known;
  }

  async #leasePlaces(id: string, tenantId: string, count: number, apart: number): Promise<Block> {
    const { rows } = await this.pool.query<{ first: number }>(LEASE_PLACES, [id, tenantId, count * apart]);
    return { first: rows[0]?.first ?? 0, count };
  }

  async #leaseLine(known: Known): Promise<void> {
    const { id, tenantId, perSecond } = known.connection;
    const apart = spacing(perSecond ?? UNLIMITED_PER_SECOND) * LINE_SLOWER;
    const { rows } = await this.pool.query<{ now: number; first: number }>(LEASE_LINE, [id, tenantId, LINE_BLOCK * apart, CROWDED_MS]);
    const { now, first } = rows[0] ?? { now: 0, first: 0 };
    // By this machine's clock, by which the step's sleep is over; timers are due by the database's, and differ by little.
    const here = this.#clock.now().getTime() + (first - now);
    for (let place = 0; place < LINE_BLOCK; place += 1) known.places.push(Math.round(here + place * apart));
    known.lineUntil = Math.max(known.lineUntil, this.#clock.elapsed() + (first - now) + LINE_BLOCK * apart);
  }

  /** Learns what other processes were told by providers, and how long the lines are that they have made. */
  async #look(): Promise<void> {
    if (this.#known.size === 0) return;
    try {
      const { rows } = await this.pool.query<{ id: string; held: number; line: number }>(LOOK);
      const now = this.#clock.elapsed();
      for (const { id, held, line } of rows) {
        const known = this.#known.get(id);
        if (!known) continue;
        if (held > known.heldUntil - now) {
          known.heldUntil = now + held;
          known.pace?.forget();
        }
        known.lineUntil = Math.max(known.lineUntil, now + line);
      }
      this.#silent = false;
    } catch (error) {
      if (!this.#silent) this.#log.warn(`the paces of connections could not be read: ${messageOf(error)}`);
      this.#silent = true;
    }
  }
}

const NOW = `extract(epoch from clock_timestamp())::double precision * 1000`;

const LEASE_PLACES = `
insert into connection_pace as p (connection_id, tenant_id, next_free) values ($1, $2, ${NOW} + $3::double precision)
on conflict (connection_id) do update set next_free = greatest(p.next_free, p.held_until, ${NOW}) + $3::double precision
returning next_free - $3::double precision - ${NOW} as first`;

const LEASE_LINE = `
insert into connection_pace as p (connection_id, tenant_id, line_until) values ($1, $2, ${NOW} + $4::double precision + $3::double precision)
on conflict (connection_id) do update
  set line_until = greatest(p.line_until, p.held_until, ${NOW} + $4::double precision) + $3::double precision
returning ${NOW} as now, line_until - $3::double precision as first`;

const HOLD = `
insert into connection_pace as p (connection_id, tenant_id, held_until) values ($1, $2, ${NOW} + $3::double precision)
on conflict (connection_id) do update set held_until = greatest(p.held_until, ${NOW} + $3::double precision)`;

const LOOK = `
select connection_id as id, held_until - ${NOW} as held, line_until - ${NOW} as line
from connection_pace where held_until > ${NOW} or line_until > ${NOW}`;
