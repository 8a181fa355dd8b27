import { nearest } from '../../../kernel/nearest.ts';
import type { Diagnostics } from '../diagnostic.ts';
import type { Text } from '../syntax.ts';
import { CUSTOM_EVENT, type Vocabulary } from '../vocabulary.ts';

/** Reports an event that is neither in the catalogue nor an author's own. */
export function checkEventName(event: Text, { events }: Vocabulary, diagnostics: Diagnostics): void {
  if (events.has(event.text) || CUSTOM_EVENT.test(event.text)) return;
  const near = nearest(event.text, events.keys());
  diagnostics.report('flow.unknown-event', event.span, { name: event.text }, near === undefined ? undefined : `did you mean ${near}?`);
}
