/** What is wrong with the tests of a text, as far as it can be known without running them. */
import { compile } from '../../flows/language/compile.ts';
import { Diagnostics, type Diagnostic, type Span } from '../../flows/language/diagnostic.ts';
import type { FlowSyntax } from '../../flows/language/syntax.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import { readTests } from './read-tests.ts';

/** @param flow of `source`, without errors */
export function checkTests(flow: FlowSyntax, source: string, vocabulary: Vocabulary): readonly Diagnostic[] {
  if (flow.tests.length === 0) return [];
  const diagnostics = new Diagnostics(source);
  for (const { name, problems } of readTests(flow, source, { flow: compile(flow, source, vocabulary), vocabulary }))
    for (const { message, place, help } of problems)
      diagnostics.report('flow.test', wordAt(source, diagnostics.offset(place)), { name, problem: message }, help?.join('\n'));
  return diagnostics.list();
}

/** The name or the text that begins at `start`. */
function wordAt(source: string, start: number): Span {
  const word = /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:,\]}]+)/.exec(source.slice(start, start + 200));
  return [start, start + (word?.[0].length ?? 1)];
}
