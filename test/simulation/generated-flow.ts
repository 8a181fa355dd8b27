/** Flows from a number: up to five verbs, nested twice at most. The same number makes the same flow. */
import type { CompiledFlow } from '../../src/flows/language/compiled-flow.ts';
import {
  ask,
  branch,
  call,
  choose,
  computed,
  emit,
  fail,
  flow,
  forEach,
  literal,
  orElse,
  parallel,
  repeat,
  runFlow,
  set,
  stop,
  waitFor,
  waitUntil,
  within,
  withUndo,
  type StepDraft,
} from '../../src/runs/conformance/flow-builder.ts';
import { forInvoice, invoice, MINUTE, soon } from './flow-parts.ts';
import { SeededTape, type Tape } from './tape.ts';

const known = new Map<number, CompiledFlow>();
const isA = computed(['event'], (scope) => invoice.evaluate(scope) === 'a');
const event = computed(['event'], (scope) => scope['event']);
const ACTIONS = ['sim.keyed', 'sim.once', 'sim.lookup', 'sim.short', 'sim.again', 'sim.read'] as const;

export function generatedFlow(number: number): CompiledFlow {
  const made = known.get(number);
  if (made) return made;
  const tape = new SeededTape(number + 7_919);
  const steps = stepsOf(tape, 0);
  const ifRunning = (['queue', 'replace', 'skip'] as const)[tape.next(8)];
  const generated: CompiledFlow = {
    ...flow(steps, {
      ...(tape.next(3) === 0 && { onFailure: stepsOf(tape, 2) }),
      ...(ifRunning && { onePer: { key: invoice, ifRunning } }),
      ...(tape.next(5) === 0 && { stopOn: [{ event: 'sim.cancelled', match: forInvoice }] }),
      ...(tape.next(6) === 0 && { timeoutMs: 60_000 }),
    }),
    name: `generated-${number}`,
  };
  known.set(number, generated);
  return generated;
}

function stepsOf(tape: Tape, depth: number): readonly StepDraft[] {
  return Array.from({ length: 1 + tape.next(depth === 0 ? 4 : 2) }, () => wrapped(stepOf(tape, depth), tape, depth));
}

/** Now and then a step has a handler, an `undo` or a time-out. */
function wrapped(draft: StepDraft, tape: Tape, depth: number): StepDraft {
  switch (tape.next(12)) {
    case 0:
      return orElse(draft, tape.next(2) === 0 ? 'continue' : [send(tape)]);
    case 1:
    case 2:
      return withUndo(draft, [send(tape)]);
    case 3:
      return depth === 0 ? within(draft, 60_000) : draft;
    default:
      return draft;
  }
}

function stepOf(tape: Tape, depth: number): StepDraft {
  const kind = tape.next(depth >= 2 ? 12 : 18);
  switch (kind) {
    case 5:
      return waitUntil(soon);
    case 6:
      return waitFor(['sim.paid'], { match: forInvoice, ...(tape.next(2) === 0 && { within: MINUTE, onTimeout: [send(tape)] }) });
    case 7:
      return ask('Shall we?', { ...(tape.next(2) === 0 && { within: MINUTE, onTimeout: [send(tape)] }) });
    case 8:
      return tape.next(3) === 0 ? fail('no') : emit('sim.paid', event);
    case 9:
      return runFlow(tape.next(5) === 0 ? 'nobody' : 'child', { and: tape.next(3) === 0 ? 'continue' : 'wait' });
    case 10:
      return set({ n: computed(['now'], ({ now }) => now) });
    case 11:
      return tape.next(4) === 0 ? stop('enough') : send(tape);
    case 12:
      return branch(isA, stepsOf(tape, depth + 1), stepsOf(tape, depth + 1));
    case 13:
      return choose([{ if: isA, then: stepsOf(tape, depth + 1) }, { then: stepsOf(tape, depth + 1) }]);
    case 14:
    case 15:
      return parallel({ a: stepsOf(tape, depth + 1), b: stepsOf(tape, depth + 1) }, tape.next(2) === 0 ? 'stop-others' : 'finish-others');
    case 16:
      return repeat(stepsOf(tape, depth + 1), { times: 2, ...(tape.next(2) === 0 && { every: { count: 5, unit: 'second' } }) });
    case 17:
      return forEach(literal([1, 2]), stepsOf(tape, depth + 1), { atOnce: 1 + tape.next(2) });
    default:
      return send(tape);
  }
}

function send(tape: Tape): StepDraft {
  const action = ACTIONS[tape.next(ACTIONS.length)] ?? 'sim.keyed';
  return call(action, event, {
    onUnknown: action === 'sim.again' ? 'resend' : 'ask',
    retry: tape.next(4) === 0 ? { kind: 'never' } : { kind: 'backoff', times: 3, firstMs: 1_000, factor: 2, longestMs: 60_000 },
  });
}
