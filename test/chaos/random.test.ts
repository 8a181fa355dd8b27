import { expect, test } from '@jest/globals';
import { seededRandom } from './random.ts';

test('a campaign chooses the same for the same seed', () => {
  const told = (seed: number) =>
    Array.from(
      { length: 50 },
      (
        (random) => () =>
          random.pick(['a', 'b', 'c'])
      )(seededRandom(seed)),
    );
  expect(told(7)).toEqual(told(7));
  expect(told(7)).not.toEqual(told(8));
});
