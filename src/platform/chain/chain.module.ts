/** The chains as a part of the application: new blocks every five seconds, signed heads every hour. */
import { Inject, Injectable, Logger, Module, type DynamicModule, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../clock.ts';
import type { DatabaseAddress } from '../database/database-address.ts';
import { OwnerSession } from '../housekeeping/owner-session.ts';
import { messageOf } from '../thrown.ts';
import { WorkerLoop } from '../worker-loop.ts';
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
  readonly #loop = new WorkerLoop(
    () => this.#turn(),
    EVERY_MS,
    // The database is away; what waits is chained when it is back.
    (error) => this.#log.debug(`The chains wait: ${messageOf(error)}`),
  );
  #session: OwnerSession | undefined;
  #headsAt = 0;

  constructor(
    @Inject(OPTIONS) private readonly options: ChainOptions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.#headsAt = this.clock.elapsed();
    this.#loop.start(EVERY_MS);
  }

  /** The last rows are chained, and the heads kept, before the process ends. */
  async onModuleDestroy(): Promise<void> {
    await this.#loop.stop();
    this.#headsAt = -Infinity;
    await this.#turn().catch((error: unknown) => this.#log.debug(`The last rows are not chained yet: ${messageOf(error)}`));
    await this.#session?.close();
  }

  /** @returns the pause before the next turn */
  async #turn(): Promise<number> {
    try {
      this.#session ??= await OwnerSession.open(this.options.address);
      for (const log of this.options.logs) while ((await extendChain(this.#session, log)) > 0);
      if (this.clock.elapsed() - this.#headsAt < HEADS_EVERY_MS) return EVERY_MS;
      await keepHeads(this.#session, this.options.directory, this.clock.now());
      this.#headsAt = this.clock.elapsed();
      return EVERY_MS;
    } catch (error) {
      await this.#session?.close();
      this.#session = undefined;
      throw error;
    }
  }
}

@Module({})
export class ChainModule {
  static over(options: ChainOptions): DynamicModule {
    return { module: ChainModule, providers: [{ provide: OPTIONS, useValue: options }, KeepChains] };
  }
}
