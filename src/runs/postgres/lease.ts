/** The lease of one lane as its owner knows it: its epoch, the number of its last flush, the oldest run it may have in memory. */
import type pg from 'pg';
import { newUuid } from '../../kernel/ids.ts';
import { ACQUIRE_LEASE } from './queries/acquire-lease.ts';
import { READ_LEASE } from './queries/read-lease.ts';
import { RELEASE_LEASE } from './queries/release-lease.ts';

export interface LeaseTerms {
  readonly leaseMs: number;
  readonly process: string;
  elapsed(): number;
}

/** The oldest run is looked up twice a second, because later runs are never older. */
const LOW_WATER_MS = 500;

export class Lease {
  /** 0 before one was acquired. */
  #epoch = '0';
  #flush = 0n;
  #lowWater = '';
  #lowWaterAt = -Infinity;
  /** Not later than the database last began the time of the lease anew. */
  #renewedAt = -Infinity;

  constructor(private readonly terms: LeaseTerms) {}

  get epoch(): string {
    return this.#epoch;
  }

  /** Number of the last flush that is known to be committed. */
  get flush(): bigint {
    return this.#flush;
  }

  get ms(): number {
    return this.terms.leaseMs;
  }

  /** A new lease, in place of the one before. */
  async acquire(client: pg.ClientBase): Promise<void> {
    this.#lowWater = newUuid();
    this.#renewedAt = this.terms.elapsed();
    const values = [this.terms.process, this.#lowWater, this.terms.leaseMs, this.#epoch];
    const { rows } = await client.query<{ epoch: string }>(ACQUIRE_LEASE, values);
    this.#epoch = rows[0]?.epoch ?? '0';
    this.#flush = 0n;
  }

  async release(client: pg.ClientBase): Promise<void> {
    await client.query(RELEASE_LEASE, [this.#epoch]);
  }

  committed(): void {
    this.#flush += 1n;
  }

  /** A flush is on disk that was not sent before `sentAt`. */
  renewed(sentAt: number): void {
    this.#renewedAt = sentAt;
  }

  /** Nobody takes it for a third of its time to come: as long as a request may need to its provider. */
  get holdsForNow(): boolean {
    return this.terms.elapsed() - this.#renewedAt < (this.terms.leaseMs * 2) / 3;
  }

  /** Whether flush `number` was committed under this lease, after its answer was lost or it wrote nothing. */
  async holds(client: pg.ClientBase, number: bigint): Promise<boolean> {
    const { rows } = await client.query<{ last_flush: string; taken: boolean }>(READ_LEASE, [this.#epoch]);
    const [row] = rows;
    return row !== undefined && !row.taken && BigInt(row.last_flush) === number;
  }

  /** The oldest of `runs`, which are all that the lane has or is about to write; looked up now and then. */
  lowWater(runs: () => Iterable<string>): string {
    const now = this.terms.elapsed();
    if (now - this.#lowWaterAt < LOW_WATER_MS) return this.#lowWater;
    this.#lowWaterAt = now;
    let oldest = newUuid();
    for (const id of runs()) if (id < oldest) oldest = id;
    this.#lowWater = oldest;
    return oldest;
  }
}
