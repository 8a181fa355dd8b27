/** Watches the disk of our own PostgreSQL and refuses what would write when it is full. */
import {
  Inject,
  Injectable,
  Logger,
  Module,
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Gauge } from 'prom-client';
import { Metrics } from '../observability/metrics.ts';
import { messageOf } from '../thrown.ts';
import { DiskRoom, type RoomState } from './disk-room.ts';

/** PostgreSQL at full speed writes about 50 MB/s of log here: the 128 MiB below which we refuse are gone in 2.5 s at the earliest. */
const LOOK_EVERY_MS = 1_000;
const GIB = 1_024 ** 3;

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

@Injectable()
class StorageWatch implements OnModuleInit, OnModuleDestroy {
  readonly #log = new Logger('storage');
  readonly #free: Gauge;
  readonly #size: Gauge;
  #timer: NodeJS.Timeout | undefined;
  #making: Promise<void> | undefined;
  #problem = '';

  constructor(
    private readonly room: DiskRoom,
    @Inject(Metrics) { registry }: Metrics,
  ) {
    this.#free = new Gauge({
      name: 'kassaflow_storage_free_bytes',
      help: 'Free on the disk of our own PostgreSQL; events are refused below 128 MiB',
      registers: [registry],
    });
    this.#size = new Gauge({
      name: 'kassaflow_storage_size_bytes',
      help: 'Size of the disk of our own PostgreSQL',
      registers: [registry],
    });
  }

  onModuleInit(): void {
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
      this.#making ??= this.#reserve().finally(() => (this.#making = undefined));
    }, LOOK_EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#making;
  }

  #look(): void {
    try {
      const before = this.room.look();
      this.#free.set(this.room.space.free);
      this.#size.set(this.room.space.size);
      if (before !== undefined) this.#tell(before);
    } catch (error) {
      this.#warn(`The room on the disk is not known: ${messageOf(error)}`);
    }
  }

  async #reserve(): Promise<void> {
    try {
      await this.room.keepReserve();
    } catch (error) {
      this.#warn(`Nothing can be kept in reserve: ${messageOf(error)}`);
    }
  }

  /** Once, and not every second. */
  #warn(problem: string): void {
    if (problem !== this.#problem) this.#log.warn(problem);
    this.#problem = problem;
  }

  #tell(before: RoomState): void {
    const { state, space } = this.room;
    const free = `${(space.free / GIB).toFixed(2)} of ${(space.size / GIB).toFixed(1)} GiB are free`;
    if (state === 'full') this.#log.error(`The disk is full, ${free}: whatever writes is refused until there is room`);
    else if (state === 'low') this.#log.error(`The disk is nearly full, ${free}`);
    else this.#log.log(`There is room on the disk again, ${free}; it was ${before}`);
  }
}

/** Refused before anything has begun, so that nothing is half done: the sender comes again. */
@Injectable()
class RoomGuard implements CanActivate {
  constructor(private readonly room: DiskRoom) {}

  canActivate(context: ExecutionContext): boolean {
    if (!READS.has(context.switchToHttp().getRequest<FastifyRequest>().method)) this.room.require();
    return true;
  }
}

@Module({})
export class StorageModule {
  /** @param directory the data directory of our own PostgreSQL; absent for a given server */
  static watching(directory: string | undefined): DynamicModule {
    if (directory === undefined) return { module: StorageModule };
    return {
      module: StorageModule,
      providers: [
        { provide: DiskRoom, useFactory: () => new DiskRoom(directory) },
        StorageWatch,
        { provide: APP_GUARD, useClass: RoomGuard },
      ],
    };
  }
}
