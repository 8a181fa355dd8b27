/**
 * Turns under a one-per key, for flows with `if-running: queue` or `replace`.
 *
 * A run whose key is taken is written as `queued`, behind those that wait already. Whoever ends the run that has the key, and
 * whoever queues one, looks at that key right after its commit: of the two, the one that commits later sees what the other wrote.
 * The look gives a free key to the oldest in line. It is the same for `replace`, but first everybody in line before the newest is
 * cancelled and the run that has the key is told to end. A process that dies between its commit and its look is made up for by a
 * sweep in every other process.
 */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { idOf } from '../../kernel/ids.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import type { Lane } from './lane.ts';
import { FORGOTTEN_TURNS, REPLACE, REPLACEMENTS } from './queries/take-turns.ts';
import { RepeatedLook } from './repeated-look.ts';
import type { Resume } from './resume.ts';
import type { TurnKey } from './turn-key.ts';

interface Replacement extends TurnKey {
  readonly run_id: string;
  readonly position: string;
  readonly holder: string | null;
}

export interface RunQueuePorts {
  readonly pool: Pick<pg.Pool, 'query'>;
  readonly resume: Resume;
  lane(): Lane;
  /** Runs were told to end. */
  commanded(): void;
}

const AT_ONCE = 200;

export class RunQueue {
  readonly #log = new Logger('runs');
  readonly #look = new RepeatedLook(
    () => this.#lookOnce(),
    (error) => this.#log.warn(`Giving turns failed and is tried again: ${error instanceof Error ? error.message : String(error)}`),
  );
  readonly #keys = new Map<string, TurnKey>();

  constructor(private readonly ports: RunQueuePorts) {}

  /** The key may be free, or somebody new stands in line for it. */
  look(key: TurnKey): void {
    this.#keys.set(`${key.flow_id}/${key.key}`, key);
    this.#look.now();
  }

  /** Looks at every key that somebody forgot. */
  async sweep(): Promise<void> {
    const { rows } = await this.ports.pool.query<TurnKey>(FORGOTTEN_TURNS, [AT_ONCE]);
    for (const row of rows) this.look(row);
  }

  async stop(): Promise<void> {
    await this.#look.stop();
  }

  async #lookOnce(): Promise<void> {
    while (this.#keys.size > 0) {
      const [names, keys] = [[...this.#keys.keys()].slice(0, AT_ONCE), [...this.#keys.values()].slice(0, AT_ONCE)];
      for (const name of names) this.#keys.delete(name);
      crashPoint('turn.given.before');
      await this.#replace(keys);
      const lane = this.ports.lane();
      const runs = await this.ports.resume.takeTurns(lane, keys);
      if (runs.length > 0) crashPoint('turn.given.after');
      for (const run of runs) lane.keep(run);
    }
  }

  async #replace(keys: readonly TurnKey[]): Promise<void> {
    const { rows } = await this.ports.pool.query<Replacement>(REPLACEMENTS, [JSON.stringify(keys)]);
    if (rows.length === 0) return;
    const named = rows.map((row) => ({ ...row, by: `run/${idOf('run', row.run_id)}` }));
    const { rowCount } = await this.ports.pool.query(REPLACE, [JSON.stringify(named)]);
    if ((rowCount ?? 0) > 0) this.ports.commanded();
  }
}
