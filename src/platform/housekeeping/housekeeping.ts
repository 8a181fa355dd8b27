/**
 * Keeps the tables small: partitions are made before they are needed, and what is older than we promise to keep it goes.
 *
 * One process at a time, by an advisory lock that ends with its connection. Every chore stands by itself and may be interrupted
 * anywhere: a plan is made anew each time from what is there. No promise to a payer or a run rests on it.
 */
import { messageOf } from '../thrown.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { DatabaseAddress } from '../database/database-address.ts';
import { housekeepingErrors } from './housekeeping-errors.ts';
import { OwnerSession } from './owner-session.ts';
import type { Chore, HousekeepingTask } from './task.ts';

/** Any constant will do, as long as no other program uses it on the same database. */
const LOCK = 4_927_310_064;
/** The clock of the database decides what is old. One of the two is wrong when they differ by more. */
const CLOCKS_DIFFER_MS = 3_600_000;

/** A chore as people see it. */
export interface ChoreReport {
  readonly task: string;
  readonly what: string;
  readonly result: 'planned' | 'blocked' | 'done' | 'failed';
  /** Rows that are gone. */
  readonly rows: number;
  /** Why it is blocked or has failed. */
  readonly reason?: string;
}

export class Housekeeping {
  #session: OwnerSession | undefined;

  constructor(
    private readonly address: DatabaseAddress,
    private readonly tasks: readonly HousekeepingTask[],
    private readonly clock: Clock,
  ) {}

  /** What would be done now. @throws housekeeping.clocks-differ */
  plan(): Promise<readonly ChoreReport[]> {
    return this.#inSession((session) =>
      this.#eachChore(session, (task, chore) => Promise.resolve(report(task, chore, chore.blocked === undefined ? 'planned' : 'blocked'))),
    );
  }

  /**
   * Does what is to be done; a chore that fails is reported and does not keep the others from being done.
   * @param watch hears of every chore when it is over
   * @returns undefined when another process is at it
   * @throws housekeeping.clocks-differ
   */
  run(watch: (report: ChoreReport) => void = () => undefined): Promise<readonly ChoreReport[] | undefined> {
    return this.#inSession(async (session) => {
      const [lock] = await session.rows<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [LOCK]);
      if (!lock?.mine) return undefined;
      return this.#eachChore(session, async (task, chore) => {
        const done = await doChore(session, task, chore);
        watch(done);
        return done;
      });
    });
  }

  /** Ends what is under way; the statement is rolled back. */
  async interrupt(): Promise<void> {
    await this.#session?.close();
  }

  /** Runs `work` on a connection of its own. */
  async #inSession<T>(work: (session: OwnerSession) => Promise<T>): Promise<T> {
    const session = await OwnerSession.open(this.address);
    this.#session = session;
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }

  /** Task by task, so that each plans with what the one before it has left. */
  async #eachChore(session: OwnerSession, handle: (task: string, chore: Chore) => Promise<ChoreReport>): Promise<readonly ChoreReport[]> {
    const now = await this.#trustedNow(session);
    const reports: ChoreReport[] = [];
    for (const task of this.tasks) {
      for (const chore of await task.plan(session, now)) reports.push(await handle(task.name, chore));
    }
    return reports;
  }

  /** A clock that runs ahead would have everything dropped that is due by then. */
  async #trustedNow(session: OwnerSession): Promise<Date> {
    const [row] = await session.rows<{ now: Date }>('select clock_timestamp() as now');
    const now = row?.now ?? this.clock.now();
    if (Math.abs(now.getTime() - this.clock.now().getTime()) > CLOCKS_DIFFER_MS) throw housekeepingErrors['clocks-differ']();
    return now;
  }
}

async function doChore(session: OwnerSession, task: string, chore: Chore): Promise<ChoreReport> {
  if (chore.blocked !== undefined) return report(task, chore, 'blocked');
  try {
    return { ...report(task, chore, 'done'), rows: await chore.do(session) };
  } catch (error) {
    return { ...report(task, chore, 'failed'), reason: messageOf(error) };
  }
}

function report(task: string, { what, blocked }: Chore, result: ChoreReport['result']): ChoreReport {
  return { task, what, result, rows: 0, ...(blocked === undefined ? {} : { reason: blocked }) };
}
