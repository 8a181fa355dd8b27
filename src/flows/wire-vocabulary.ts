import type { JsonSchema } from './language/shape.ts';
import type { Vocabulary } from './language/vocabulary.ts';

/** A {@link Vocabulary} as JSON: for the command line, editors and the browser. */
export type WireVocabulary = Omit<Vocabulary, 'events'> & { readonly events: Readonly<Record<string, JsonSchema>> };

export function vocabularyToWire({ events, ...rest }: Vocabulary): WireVocabulary {
  return { ...rest, events: Object.fromEntries(events) };
}

export function vocabularyFrom({ events, ...rest }: WireVocabulary): Vocabulary {
  return { ...rest, events: new Map(Object.entries(events)) };
}
