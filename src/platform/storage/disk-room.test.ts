import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { DiskRoom, nextState, type RoomState } from './disk-room.ts';

const MIB = 1_024 ** 2;
const GIB = 1_024 * MIB;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'room-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('room on the disk', () => {
  test.each<[RoomState, number, RoomState]>([
    ['roomy', 20 * GIB, 'roomy'],
    ['roomy', 9 * GIB, 'low'],
    ['low', 11 * GIB, 'roomy'],
    ['low', 127 * MIB, 'full'],
    ['low', 129 * MIB, 'low'],
    ['full', 200 * MIB, 'full'],
    ['full', 256 * MIB, 'low'],
    ['full', 20 * GIB, 'roomy'],
  ])('after %s with %i bytes free of 100 GiB is %s', (before, free, after) => {
    expect(nextState(before, { free, size: 100 * GIB })).toBe(after);
  });

  test('is said to be low before it is full, whatever the size of the disk', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_096 }), (gib) => {
        const size = gib * GIB;
        for (let free = size; free > 0; free -= Math.ceil(size / 1_000))
          if (nextState('roomy', { free, size }) === 'full') return free < 128 * MIB;
        return true;
      }),
    );
    expect(nextState('roomy', { free: 0.99 * 0.1 * 20 * GIB, size: 20 * GIB })).toBe('low');
  });

  test('does not go back and forth at one border', () => {
    const room = new DiskRoom(directory, () => ({ free, size: GIB }));
    let free = 100 * MIB;
    room.look();
    free = 100 * MIB + 64 * MIB;
    expect(room.look()).toBeUndefined();
    expect(room.state).toBe('full');
  });
});

describe('the reserve', () => {
  test('is 64 MiB, is given up when the disk is full, and is made again when there is room', async () => {
    const reserve = path.join(directory, 'reserve');
    let free = GIB;
    const room = new DiskRoom(directory, () => ({ free, size: 100 * GIB }));
    room.look();
    await room.keepReserve();
    expect(statSync(reserve).size).toBe(64 * MIB);
    expect(() => room.require()).not.toThrow();
    free = 50 * MIB;
    expect(room.look()).toBe('low');
    await room.keepReserve();
    expect(existsSync(reserve)).toBe(false);
    expect(() => room.require()).toThrow(expect.objectContaining({ code: 'database.storage-full', retryAfterMs: 10_000 }));
    free = GIB;
    expect(room.look()).toBe('full');
    await room.keepReserve();
    expect(statSync(reserve).size).toBe(64 * MIB);
    expect(() => room.require()).not.toThrow();
  });

  test('is measured on the real disk', () => {
    const room = new DiskRoom(directory);
    room.look();
    expect(room.space.free).toBeGreaterThan(0);
    expect(room.space.size).toBeGreaterThanOrEqual(room.space.free);
  });
});
