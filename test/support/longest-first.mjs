/**
 * The order of test files: those that start the program go first, with the longest at the head. A worker that begins a file of two minutes
 * when the others are done keeps everybody waiting. Jest itself knows only what files took last time on this machine, in CI nothing.
 */
import Sequencer from '@jest/test-sequencer';

/** By measurement; a file of no line here takes a few seconds. */
const LONG = ['/test/crash/crash-points.', '/test/crash/', '/test/stories/', '/test/histories/', '/test/conformance/'];

export default class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).toSorted((a, b) => rankOf(a.path) - rankOf(b.path));
  }
}

function rankOf(path) {
  const rank = LONG.findIndex((part) => path.includes(part));
  return rank === -1 ? LONG.length : rank;
}
