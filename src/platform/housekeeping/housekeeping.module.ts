/** Housekeeping as a part of the application: at the start, then every six hours. */
import {
  Inject,
  Injectable,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { Interval, ScheduleModule } from '@nestjs/schedule';
import { Counter, Gauge } from 'prom-client';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../clock.ts';
import type { DatabaseAddress } from '../database/database-address.ts';
import { Metrics } from '../observability/metrics.ts';
import { messageOf } from '../thrown.ts';
import { Housekeeping, type ChoreReport } from './housekeeping.ts';
import { OwnerSession } from './owner-session.ts';
import { countStrays, coverPresent } from './partitions-task.ts';
import type { PartitionedTable } from './partitions.ts';
import type { HousekeepingTask } from './task.ts';

/** What the module is made of. */
export interface HousekeepingOptions {
  readonly address: DatabaseAddress;
  /** Tables that are cut by time. */
  readonly tables: readonly PartitionedTable[];
  readonly tasks: readonly HousekeepingTask[];
}

const OPTIONS = Symbol('HousekeepingOptions');
const SIX_HOURS_MS = 6 * 3_600_000;

@Injectable()
class KeepHouse implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('housekeeping');
  readonly #housekeeping: Housekeeping;
  readonly #strays: Gauge<'table'>;
  readonly #chores: Counter<'task' | 'result'>;
  readonly #lastRun: Gauge;
  #running: Promise<void> | undefined;

  constructor(
    @Inject(OPTIONS) private readonly options: HousekeepingOptions,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(Metrics) { registry }: Metrics,
  ) {
    this.#housekeeping = new Housekeeping(options.address, options.tasks, clock);
    const registers = [registry];
    this.#strays = new Gauge({
      name: 'kassaflow_stray_rows',
      help: 'Rows whose time has no partition (counted to 1,000)',
      labelNames: ['table'],
      registers,
    });
    this.#chores = new Counter({
      name: 'kassaflow_housekeeping_chores_total',
      help: 'Chores of housekeeping, by result: done, blocked, failed',
      labelNames: ['task', 'result'],
      registers,
    });
    this.#lastRun = new Gauge({
      name: 'kassaflow_housekeeping_last_run_timestamp_seconds',
      help: 'When housekeeping of this process last came to its end',
      registers,
    });
  }

  /** Before anything is written: a row of today has its partition. Without it, rows go astray and are moved later. */
  async onModuleInit(): Promise<void> {
    try {
      const session = await OwnerSession.open(this.options.address);
      try {
        const made = await coverPresent(session, this.options.tables, this.clock.now());
        if (made.length > 0) this.#log.log(`Made ${made.join(', ')}: nobody had kept house in time`);
      } finally {
        await session.close();
      }
    } catch (error) {
      this.#log.warn(`The partitions of today could not be looked at: ${messageOf(error)}`);
    }
  }

  onApplicationBootstrap(): void {
    void this.keep();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#housekeeping.interrupt();
    await this.#running;
  }

  /** Does what is to be done, unless this or another process is at it. */
  @Interval('housekeeping', SIX_HOURS_MS)
  keep(): Promise<void> {
    this.#running ??= this.#keep().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #keep(): Promise<void> {
    try {
      const reports = await this.#housekeeping.run((report) => this.#tell(report));
      if (reports) this.#lastRun.set(this.clock.now().getTime() / 1_000);
      await this.#countStrays();
    } catch (error) {
      this.#log.warn(`Housekeeping was not done this time: ${messageOf(error)}`);
    }
  }

  #tell({ task, what, result, rows, reason }: ChoreReport): void {
    this.#chores.inc({ task, result });
    if (result === 'failed') this.#log.warn(`${task}: not done: ${what}: ${reason ?? ''}`);
    else this.#log.log(`${task}: ${what}: ${result === 'blocked' ? `not yet, ${reason ?? ''}` : `done, ${rows} rows are gone`}`);
  }

  async #countStrays(): Promise<void> {
    const session = await OwnerSession.open(this.options.address);
    try {
      for (const table of this.options.tables) {
        const strays = await countStrays(session, table);
        this.#strays.set({ table: table.name }, strays);
        if (strays > 0) this.#log.error(`${table.name} has ${strays} rows whose time has no partition: is a clock wrong?`);
      }
    } finally {
      await session.close();
    }
  }
}

@Module({})
export class HousekeepingModule {
  static doing(options: HousekeepingOptions): DynamicModule {
    return {
      module: HousekeepingModule,
      imports: [ScheduleModule.forRoot()],
      providers: [{ provide: OPTIONS, useValue: options }, KeepHouse],
    };
  }
}
