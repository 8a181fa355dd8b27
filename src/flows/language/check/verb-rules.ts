/** Rules of single steps that follow from their form: what can never run, what has no end, what means nothing. */
import type { Diagnostics } from '../diagnostic.ts';
import { approximateMs } from '../../../kernel/duration.ts';
import type { RetrySyntax, StepOf, StepSyntax, Text } from '../syntax.ts';
import type { ActionWord } from '../vocabulary.ts';

export function checkVerbRules(step: StepSyntax, actions: ReadonlyMap<string, ActionWord>, diagnostics: Diagnostics): void {
  switch (step.verb) {
    case 'do':
      if (step.retry) checkRetry(step.retry, diagnostics);
      break;
    case 'then':
      if (!step.if && !step.unless) diagnostics.report('flow.condition-needed', step.verbSpan);
      break;
    case 'repeat':
      checkRepeat(step, diagnostics);
      break;
    case 'choose':
      checkBranches(step, diagnostics);
      break;
    case 'parallel':
      if (step.branches.length === 0)
        diagnostics.report('flow.kind', step.verbSpan, {
          owner: 'parallel',
          expected: 'named lists of steps',
          example: 'parallel: { one: [ … ], two: [ … ] }',
        });
      break;
    case 'ask':
      checkUnique(step.choices, diagnostics);
      checkTimeout(step, diagnostics);
      break;
    case 'wait-for':
      checkTimeout(step, diagnostics);
      break;
    default:
      break;
  }
  checkUndo(step, actions, diagnostics);
}

/** `first`, `factor` and `longest` describe growing pauses, `every` equal ones. */
export function checkRetry({ every, first, factor, longest, within }: RetrySyntax, diagnostics: Diagnostics): void {
  const growing = first ?? factor ?? longest;
  if (every && growing) diagnostics.report('flow.retry-mix', every.span);
  const pause = (every ?? first)?.duration;
  for (const bound of [longest, within])
    if (pause && bound?.duration && approximateMs(bound.duration) < approximateMs(pause))
      diagnostics.report('flow.retry-bound', bound.span, { found: bound.text, pause: (every ?? first)?.text });
}

/** Two equal names in a list that a person chooses from. */
export function checkUnique(choices: readonly Text[], diagnostics: Diagnostics): void {
  const seen = new Set<string>();
  for (const { text, span } of choices) {
    if (seen.has(text)) diagnostics.report('flow.choices', span, { name: text });
    seen.add(text);
  }
}

function checkRepeat({ times, until, otherwise }: StepOf<'repeat'>, diagnostics: Diagnostics): void {
  const [unreached] = otherwise;
  if (unreached && !until) diagnostics.report('flow.otherwise', unreached.verbSpan, { problem: 'there is no "until" that could fail' });
  else if (unreached && !times)
    diagnostics.report('flow.otherwise', unreached.verbSpan, { problem: 'the loop goes on until its condition holds' });
}

/** What stands after `else` is never looked at. */
function checkBranches({ branches, verbSpan }: StepOf<'choose'>, diagnostics: Diagnostics): void {
  if (branches.length === 0)
    diagnostics.report('flow.kind', verbSpan, {
      owner: 'choose',
      expected: 'a list of branches',
      example: '- if: …  and below it  then: …',
    });
  const last = branches.findIndex((branch) => !branch.if);
  const next = last >= 0 ? branches[last + 1] : undefined;
  const place = next && (next.if?.span ?? next.steps[0]?.verbSpan);
  if (place) diagnostics.report('flow.branch-after-else', place);
}

function checkTimeout(step: StepOf<'ask' | 'wait-for'>, diagnostics: Diagnostics): void {
  const [unreached] = step.onTimeout;
  if (unreached && !step.timeout) diagnostics.report('flow.on-timeout', unreached.verbSpan, { verb: step.verb });
}

/** These change nothing outside, so that nothing is left to take back. */
const HARMLESS: ReadonlySet<StepSyntax['verb']> = new Set(['wait', 'wait-for', 'set', 'ask', 'stop', 'fail']);

function checkUndo(step: StepSyntax, actions: ReadonlyMap<string, ActionWord>, diagnostics: Diagnostics): void {
  const [first] = step.undo ?? [];
  if (!first) return;
  const reads = step.verb === 'do' && actions.get(step.action.text)?.effect === 'read';
  if (HARMLESS.has(step.verb) || reads)
    diagnostics.report('flow.nothing-to-undo', first.verbSpan, { what: step.verb === 'do' ? step.action.text : step.verb });
}
