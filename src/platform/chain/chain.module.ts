/** The chains as a part of the application: new blocks every five seconds, signed heads every hour. */
import { Inject, Injectable, Logger, Module, type DynamicModule, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../clock.ts';
import type { DatabaseAddress } from '../database/database-address.ts';
import { OwnerSession } from '../housekeeping/owner-session.ts';
import { messageOf } from '../thrown.ts';
import { keepHeads } from './chain-heads.ts';
import type { ChainedLog } from './chained-log.ts';
import { extendChain } from './extend-chain.ts';

export interface ChainOptions {
  readonly address: DatabaseAddress;
  /** Where the heads are kept. */
  readonly directory: string;
  readonly logs: readonly ChainedLog[];
}

const OPTIONS = Symbol('ChainOptions');
const EVERY_MS = 5_000;
const HEADS_EVERY_MS = 3_600_000;

@Injectable()
class KeepChains implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('chain');
  #session: OwnerSession | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turning: Promise<void> | undefined;
  #headsAt = 0;
  #stopped = false;

  constructor(
    @Inject(OPTIONS) private readonly options: ChainOptions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.#headsAt = this.clock.elapsed();
    this.#schedule();
  }

  /** The last rows are chained, and the heads kept, before the process ends. */
  async onModuleDestroy(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turning;
    this.#headsAt = -Infinity;
    await this.#turn();
    await this.#session?.close();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#turning = this.#turn().finally(() => this.#schedule());
    }, EVERY_MS).unref();
  }

  async #turn(): Promise<void> {
    try {
      this.#session ??= await OwnerSession.open(this.options.address);
      for (const log of this.options.logs) while ((await extendChain(this.#session, log)) > 0);
      if (this.clock.elapsed() - this.#headsAt < HEADS_EVERY_MS) return;
      await keepHeads(this.#session, this.options.directory, this.clock.now());
      this.#headsAt = this.clock.elapsed();
    } catch (error) {
      // The database is away; what waits is chained when it is back.
      this.#log.debug(`The chains wait: ${messageOf(error)}`);
      await this.#session?.close();
      this.#session = undefined;
    }
  }
}

@Module({})
export class ChainModule {
  static over(options: ChainOptions): DynamicModule {
    return { module: ChainModule, providers: [{ provide: OPTIONS, useValue: options }, KeepChains] };
  }
}
