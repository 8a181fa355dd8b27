/**
 * Room on the disk of our own PostgreSQL (a given server watches its own).
 *
 * | state | means | leaves by |
 * |---|---|---|
 * | roomy | more than a tenth of the disk is free, or more than 10 GiB | low |
 * | low | an alarm in the log and in the metrics; everything works | roomy, full |
 * | full | less than 128 MiB: whatever writes is refused with 503 before it begins | at 256 MiB: low or roomy |
 *
 * A file of 64 MiB is kept in reserve. It is given up when the disk is full: that lets the runs under way be finished and PostgreSQL
 * write its checkpoint, which it must before it can free anything. It is made again when there is room. Nobody has to do
 * anything but free space.
 */
import { randomFillSync } from 'node:crypto';
import { rmSync, statfsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { databaseErrors } from '../database/database-errors.ts';

const MIB = 1_024 ** 2;
const RESERVE_BYTES = 64 * MIB;
const FULL_BELOW = 128 * MIB;
const ROOM_AGAIN_AT = 256 * MIB;
const LOW_PART = 0.1;
/** A tenth of a very large disk is nothing to wake anybody for. */
const NEVER_LOW_AT = 10 * 1_024 * MIB;
/** Long enough for somebody to have freed space, short enough for a provider to deliver again. */
const RETRY_AFTER_MS = 10_000;

export type RoomState = 'roomy' | 'low' | 'full';

/** Bytes that this user may still write, and the size of the disk. */
export interface DiskSpace {
  readonly free: number;
  readonly size: number;
}

export class DiskRoom {
  #state: RoomState = 'roomy';
  #space: DiskSpace = { free: 0, size: 0 };
  readonly #reserve: string;

  /** @param measure in place of the disk that `directory` is on */
  constructor(
    directory: string,
    private readonly measure: () => DiskSpace = () => spaceOf(directory),
  ) {
    this.#reserve = path.join(directory, 'reserve');
  }

  get state(): RoomState {
    return this.#state;
  }

  get space(): DiskSpace {
    return this.#space;
  }

  /** Looks at the disk, and gives the reserve up when it is full. @returns the state before, when it is another one now */
  look(): RoomState | undefined {
    const before = this.#state;
    this.#space = this.measure();
    this.#state = nextState(before, this.#space);
    if (this.#state === 'full') rmSync(this.#reserve, { force: true });
    return this.#state === before ? undefined : before;
  }

  /** @throws database.storage-full while the disk is full */
  require(): void {
    if (this.#state === 'full') throw databaseErrors['storage-full']({ freeMib: Math.floor(this.#space.free / MIB) }).after(RETRY_AFTER_MS);
  }

  /** Makes the reserve when there is none and there is room for it. */
  async keepReserve(): Promise<void> {
    const size = statSync(this.#reserve, { throwIfNoEntry: false })?.size;
    if (size === RESERVE_BYTES || this.#space.free < ROOM_AGAIN_AT + RESERVE_BYTES) return;
    // Random, because a file system that compresses would keep nothing back for zeros.
    const block = randomFillSync(Buffer.alloc(MIB));
    const file = await open(this.#reserve, 'w', 0o600);
    try {
      for (let written = 0; written < RESERVE_BYTES; written += (await file.write(block)).bytesWritten);
      await file.sync();
    } catch (error) {
      // Somebody else took the room: half a reserve is none.
      rmSync(this.#reserve, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }
}

/** The state after a look; pure. */
export function nextState(before: RoomState, { free, size }: DiskSpace): RoomState {
  if (free < FULL_BELOW || (before === 'full' && free < ROOM_AGAIN_AT)) return 'full';
  return free < Math.min(size * LOW_PART, NEVER_LOW_AT) || free < ROOM_AGAIN_AT ? 'low' : 'roomy';
}

function spaceOf(directory: string): DiskSpace {
  const { bavail, blocks, bsize } = statfsSync(directory);
  return { free: bavail * bsize, size: blocks * bsize };
}
