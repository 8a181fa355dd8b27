/** Whether a `wait-for` or `stop-on` says which event it means, and whether the events that it names can be the one. */
import { subjectOfIdentity } from '../compile/event-match.ts';
import { analyse } from '../expressions/analysis.ts';
import { flowEnvironment } from '../expressions/environment.ts';
import { fieldOf, type Shape } from '../shape.ts';
import type { Text } from '../syntax.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { checkEventName } from './check-event-name.ts';
import { arrivingShape } from './flow-shapes.ts';
import type { Sight, TextChecker } from './text-checker.ts';

export interface WaitSyntax {
  readonly events: readonly Text[];
  readonly where?: Text;
  readonly same?: Text;
}

const environment = flowEnvironment(false);

/** @param onePer of the flow: what is meant when the wait itself says nothing */
export function checkWait(wait: WaitSyntax, onePer: Text | undefined, sight: Sight, vocabulary: Vocabulary, texts: TextChecker): void {
  const { events, where, same } = wait;
  for (const event of events) checkEventName(event, vocabulary, texts.diagnostics);
  const shape = arrivingShape(
    events.map(({ text }) => text),
    vocabulary,
  );
  if (where) {
    const readings = texts.withEvent(shape).condition(where, sight);
    if (readings.length > 0 && !readings.some(({ names }) => names[0] === 'event'))
      texts.diagnostics.report('flow.where-event', where.span);
  }
  if (same) return texts.diagnostics.has(same.span) ? undefined : checkSubject(events, same, same.text, vocabulary, texts);
  if (where) return;
  const [first] = events;
  if (!onePer) return first && texts.diagnostics.report('flow.correlation', first.span, { name: first.text });
  const subject = subjectOfIdentity(onePer.text);
  if (subject !== undefined) return checkSubject(events, undefined, subject, vocabulary, texts);
  for (const event of events)
    if (!computable(onePer.text, arrivingShape([event.text], vocabulary)))
      texts.diagnostics.report('flow.no-subject', event.span, { name: event.text, what: onePer.text });
}

/** @param at what to underline; absent: each event that does not fit */
function checkSubject(events: readonly Text[], at: Text | undefined, subject: string, vocabulary: Vocabulary, texts: TextChecker): void {
  for (const event of events) {
    const inEvent = fieldOf(arrivingShape([event.text], vocabulary), subject);
    if (!inEvent || !fieldOf(inEvent, 'id'))
      texts.diagnostics.report('flow.no-subject', (at ?? event).span, { name: event.text, what: `${subject}.id` });
  }
}

/** Tells whether `onePer` can be computed from an arriving event alone. */
function computable(onePer: string, event: Shape): boolean {
  try {
    const { readings } = analyse(onePer, environment);
    return readings.every(({ names: [root, ...path] }) => {
      if (root !== 'event') return root === 'vars';
      return path.reduce<Shape | undefined>((shape, name) => shape && fieldOf(shape, name), event) !== undefined;
    });
  } catch {
    return true; // it was reported where it stands
  }
}
