/** What goes wrong, when, and how often it did. Two hands work at once: one goes through the crash points, the other does anything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CRASH_POINTS, type CrashPoint } from '../../src/platform/crash-points.ts';
import type { CampaignDatabase } from './database-server.ts';
import { NETWORK_TROUBLES, type TcpProxy } from './tcp-proxy.ts';
import type { Random } from './random.ts';
import type { Worker } from './worker.ts';

export interface TroublesOptions {
  readonly workers: readonly Worker[];
  readonly database: CampaignDatabase;
  readonly proxy: TcpProxy;
  readonly random: Random;
  /** The lease of a process: a pause is longer than three of it. */
  readonly leaseMs: number;
  /** Seconds between two troubles, on average, for each of the two hands. A process that starts needs two seconds of a processor. */
  readonly pace: number;
  /** Where processes and PostgreSQL die; everywhere unless told. */
  readonly points?: readonly CrashPoint[] | undefined;
  /** What may go wrong; everything unless told. */
  readonly only?: readonly TroubleName[] | undefined;
}

/** One death at one place: of the process, or of PostgreSQL when the process comes there. */
export interface Death {
  readonly victim: 'process' | 'postgres';
  readonly point: CrashPoint;
}

const HOUR = 3_600_000;
const JUMPS = [HOUR, -HOUR, 40 * 24 * HOUR, -24 * HOUR, 5_000, -5_000];
/** A point that is not passed within this time is not tried again in this round. */
const POINT_MS = 8_000;
const START_MS = 30_000;
/** No flow of a campaign has a polling trigger, nobody asks for its events, its shops have no payment page and one account, its provider takes the money by itself, and nothing in it is old enough to be dropped; `test/crash` kills there. */
const NOT_PASSED = [
  'trigger.polled.',
  'payment.check.',
  'outgoing.',
  'checkout.',
  'mandate.',
  'charge.',
  'capture.',
  'connection.',
  'payment.failover.',
  'settlement.',
  'housekeeping.',
];
/** After the death of PostgreSQL at a point, the process has so long to go on before it is killed for the next point. */
const AFTERWARDS_MS = 2_000;

const TROUBLES = {
  'kill process': 8,
  'kill postgres': 2,
  'kill both': 1,
  pause: 3,
  network: 6,
  'disk full': 1,
  'log full': 0.5,
  'clock jump': 2,
  'crash points': 0,
} as const;
export type TroubleName = keyof typeof TROUBLES;

export class Troubles {
  readonly count = new Map<string, number>();
  /** Deaths at named points, as often as each happened. */
  readonly deaths = new Map<string, number>();
  readonly #options: TroublesOptions;
  readonly #weights: readonly (readonly [TroubleName, number])[];
  readonly #mayCrash: boolean;
  #isOver = false;

  constructor(options: TroublesOptions) {
    this.#options = options;
    const may = (name: TroubleName): boolean => options.only === undefined || options.only.includes(name);
    const disks = options.database.data !== undefined;
    // As written above: the names are those of the constant.
    this.#weights = (Object.entries(TROUBLES) as [TroubleName, number][]).filter(
      ([name, weight]) => weight > 0 && may(name) && (disks || !name.endsWith('full')),
    );
    this.#mayCrash = may('crash points');
  }

  /** Goes on until {@link stop}. */
  async run(): Promise<void> {
    await Promise.all([this.#weights.length > 0 ? this.#anything() : undefined, this.#mayCrash ? this.#crashPoints() : undefined]);
  }

  stop(): void {
    this.#isOver = true;
  }

  get over(): boolean {
    return this.#isOver;
  }

  async #anything(): Promise<void> {
    const { random } = this.#options;
    while (!this.#isOver) {
      await sleep(this.#pause());
      // One that is only starting is killed now and then; always, and nothing would ever be under way on a machine that is slow to start them.
      while (!this.#isOver && !this.#canBear() && !random.chance(0.0005)) await sleep(20);
      if (this.#isOver) return;
      const trouble = this.#next();
      this.count.set(trouble, (this.count.get(trouble) ?? 0) + 1);
      await this.#make(trouble);
    }
  }

  /** One of the processes that take what comes is up, and of all of them two. */
  #canBear(): boolean {
    const { workers } = this.#options;
    return this.#others().some(({ isReady }) => isReady) && workers.filter(({ isReady }) => isReady).length >= Math.min(2, workers.length);
  }

  /** @returns milliseconds */
  #pause(): number {
    const { random, pace } = this.#options;
    return pace * random.whole(200, 1_800);
  }

  #next(): TroubleName {
    const sum = this.#weights.reduce((before, [, weight]) => before + weight, 0);
    let at = this.#options.random() * sum;
    for (const [name, weight] of this.#weights) if ((at -= weight) < 0) return name;
    return this.#weights[0]?.[0] ?? 'kill process';
  }

  async #make(trouble: TroubleName): Promise<void> {
    const { random, database, proxy, leaseMs } = this.#options;
    const victim = this.#victim();
    switch (trouble) {
      case 'kill process':
        return victim.kill();
      case 'kill postgres':
        return database.kill();
      case 'kill both':
        victim.kill();
        return database.kill();
      case 'pause':
        return victim.pause(3 * leaseMs + random.whole(200, 2_000));
      case 'network': {
        const how = random.pick(NETWORK_TROUBLES);
        this.count.set(`network: ${how}`, (this.count.get(`network: ${how}`) ?? 0) + 1);
        return proxy.misbehave(how, random.whole(50, 1_500));
      }
      case 'disk full':
        return this.#fill(database.data);
      case 'log full':
        return this.#fill(database.wal);
      case 'clock jump':
        return victim.jumpClock(random.pick(JUMPS), random.whole(1_000, 3_000));
      case 'crash points':
        return;
    }
  }

  async #fill(disk: CampaignDatabase['data']): Promise<void> {
    await disk?.fill(200_000);
    await sleep(this.#options.random.whole(1_000, 3_000));
    disk?.free();
  }

  #victim(): Worker {
    const others = this.#others();
    const ready = others.filter(({ isReady }) => isReady);
    return this.#options.random.pick(ready.length > 0 ? ready : others);
  }

  /** The first process goes through the crash points, the others take what comes; alone it does both. */
  #others(): readonly Worker[] {
    const { workers } = this.#options;
    return this.#mayCrash && workers.length > 1 ? workers.slice(1) : workers;
  }

  async #crashPoints(): Promise<void> {
    const [worker] = this.#options.workers;
    if (!worker) return;
    let current: Death | undefined;
    while (!this.#isOver) {
      for (const next of this.#round()) {
        await this.#until(() => !worker.isArmed, START_MS);
        if (this.#isOver) return;
        // Before the one that runs now has died: whatever starts then, starts with the next.
        worker.arm({ KASSAFLOW_CRASH_AT: nameOf(next), KASSAFLOW_CRASH_AFTER_MS: String(this.#pause()) });
        if (current && (await this.#dies(worker))) {
          this.deaths.set(nameOf(current), (this.deaths.get(nameOf(current)) ?? 0) + 1);
          if (current.victim === 'postgres') await sleep(AFTERWARDS_MS);
        }
        if (this.#isOver) return;
        if (worker.isArmed && !worker.app.ended) worker.kill();
        current = next;
      }
    }
  }

  /** Each point once by each death, in an order of its own; those that are still without a death first. */
  #round(): readonly Death[] {
    const passed = (this.#options.points ?? CRASH_POINTS).filter((point) => !NOT_PASSED.some((group) => point.startsWith(group)));
    const all = passed.flatMap((point) => (['process', 'postgres'] as const).map((victim) => ({ victim, point })));
    const order = new Map(all.map((death) => [death, this.#options.random()]));
    return all.sort(
      (a, b) => (this.deaths.get(nameOf(a)) ?? 0) - (this.deaths.get(nameOf(b)) ?? 0) || (order.get(a) ?? 0) - (order.get(b) ?? 0),
    );
  }

  /** Waits for the death at the point with which the process was started. @returns whether somebody died there */
  async #dies(worker: Worker): Promise<boolean> {
    const before = worker.pointsBefore;
    const reached = (): boolean => worker.pointsReached > before;
    const most = 1_800 * this.#options.pace + POINT_MS;
    return (await this.#until(() => worker.isReady || reached(), START_MS)) && (await this.#until(reached, most));
  }

  /** @returns whether it came to hold within the time */
  async #until(holds: () => boolean, ms: number): Promise<boolean> {
    for (const deadline = performance.now() + ms; !holds(); await sleep(10)) {
      if (performance.now() > deadline || this.#isOver) return holds();
    }
    return true;
  }
}

export function nameOf({ victim, point }: Death): string {
  return victim === 'postgres' ? `postgres@${point}` : point;
}
