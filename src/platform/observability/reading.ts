/**
 * Numbers about what is in the database, for gauges and the status page: asked for when somebody looks, by one statement for all of
 * them, and kept for some seconds, so that several scrapers, or one in a hurry, cost no more than one.
 *
 * When the database does not answer there is no number: an old one would say that all is well.
 */
import { Logger } from '@nestjs/common';
import { Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../kernel/clock.ts';
import { messageOf } from '../thrown.ts';

/** How long an answer is given again. Prometheus asks every 15 s by default. */
const KEPT_MS = 5_000;

/** A statement that takes longer is given up: numbers must not be what a busy database is busy with. */
const TIMEOUT_MS = 4_000;

/** What of a pool a reading uses. */
export interface QueryPool {
  query(query: BoundedQuery): Promise<{ readonly rows: readonly unknown[] }>;
}

/** As pg takes it; its types know the time only of a whole connection. */
interface BoundedQuery {
  readonly text: string;
  readonly values: unknown[];
  readonly query_timeout: number;
}

/** One statement, given up after some seconds. @returns its rows, which the statement makes what `Row` says */
export async function boundedQuery<Row>(pool: QueryPool, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
  const { rows } = await pool.query({ text, values: [...values], query_timeout: TIMEOUT_MS });
  return rows as readonly Row[];
}

export class Reading<T> {
  readonly #log = new Logger('metrics');
  #latest: Promise<T | undefined> | undefined;
  #askedAt = 0;

  /** @param name what is read, for the log */
  constructor(
    private readonly name: string,
    private readonly read: () => Promise<T>,
    private readonly clock: Clock,
  ) {}

  /** The numbers, at most some seconds old; `undefined` while they cannot be read. */
  latest(): Promise<T | undefined> {
    const now = this.clock.elapsed();
    if (this.#latest && now - this.#askedAt < KEPT_MS) return this.#latest;
    this.#askedAt = now;
    this.#latest = this.read().catch((error: unknown) => {
      this.#log.warn(`The ${this.name} cannot be read: ${messageOf(error)}`);
      return undefined;
    });
    return this.#latest;
  }
}

/** One number of a reading. */
export interface NumberOf<T> {
  /** With our prefix. */
  readonly name: string;
  readonly help: string;
  /** `undefined`: there is no such number now, and no line for it. */
  readonly of: (reading: T) => number | undefined;
}

/** Adds a gauge for each of `numbers`. */
export function gaugesOf<T>(registry: Registry, reading: Reading<T>, numbers: readonly NumberOf<T>[]): void {
  for (const { name, help, of } of numbers) {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const found = await reading.latest();
        const value = found === undefined ? undefined : of(found);
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }
}

/** One gauge with a line for each kind. */
export interface KindsOf<T, Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly label: Label;
  readonly of: (reading: T) => Iterable<readonly [kind: string, value: number]>;
}

/** Adds a gauge with one label, whose values are few. */
export function gaugeByKind<T, Label extends string>(
  registry: Registry,
  reading: Reading<T>,
  { name, help, label, of }: KindsOf<T, Label>,
): void {
  new Gauge<Label>({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    async collect() {
      this.reset();
      const found = await reading.latest();
      const lines = found === undefined ? [] : of(found);
      // prom-client's type of one label's value wants the label known, which a type parameter is not.
      for (const [kind, value] of lines) this.set({ [label]: kind } as Record<Label, string>, value);
    },
  });
}
