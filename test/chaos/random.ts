/** A generator of numbers that are the same for the same seed, so that a campaign can be told again. */
export interface Random {
  /** From 0 up to, not including, 1. */
  (): number;
  /** One of `items`. @throws when there is none */
  pick<T>(items: readonly T[]): T;
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** Another generator, as good as independent of this one and of those with other names. */
  fork(name: string): Random;
}

export function seededRandom(seed: number | string): Random {
  const first = typeof seed === 'number' ? seed >>> 0 : hashOf(seed);
  let state = first;
  // Mulberry32: one addition and three multiplications, and good enough to choose who dies next.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Object.assign(next, {
    pick: <T>(items: readonly T[]): T => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new RangeError('pick: there is nothing to pick from');
      return item;
    },
    whole: (least: number, most: number) => least + Math.floor(next() * (most - least + 1)),
    chance: (probability: number) => next() < probability,
    fork: (name: string) => seededRandom(hashOf(`${first} ${name}`)),
  });
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
