import { expect, test } from '@jest/globals';
import { Progress } from './progress.ts';

test.each([
  ['0', '', true],
  ['1', '', true],
  ['2', '', false],
  ['1.then.0', '', true],
  // Branches have no order among each other, and are over once the handler of their group has begun.
  ['1.then.1.parallel.a.0', '1.then.1', false],
  ['1.then.1.parallel.a.0', '1', true],
  // The newest step is taken back first.
  ['0.undo.0', '', false],
  ['1.undo.0', '', true],
  ['1.undo.1', '', false],
])('of the step at %s, inside %p, the run is behind: %p', (path, outer, is) => {
  const progress = new Progress(['0', '1', '1.then.1.parallel.b.3', '1.then.1.on-failure.0', '2', '1.undo.1']);
  expect(progress.isBehind(path, outer)).toBe(is);
});
