/** The business fact that a message is about: it is told to one receiver once, whatever is retried, replayed or repaired. */
import { receiverOf, textAt } from './counters.ts';
import type { GuardedCall } from './gate.ts';

/**
 * The parts of the fact's key, or `undefined` when the call sends no message.
 *
 * With `oncePer` the author says what the fact is. Without it the fact is this place of the flow, in this round, for what the run goes
 * back to: a second run for the same event is the same fact; another event, another round or another step is a new one.
 */
export function factOf(call: GuardedCall): readonly string[] | undefined {
  const message = call.manifest.guards?.message;
  const receiver = receiverOf(call);
  if (!message || receiver === undefined) return undefined;
  const oncePer = textAt(call.input, message.oncePer);
  return oncePer === undefined
    ? ['fact', call.manifest.name, receiver, call.cause, call.flow, call.step]
    : ['fact once per', call.manifest.name, receiver, oncePer];
}
