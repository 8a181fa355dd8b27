/**
 * What a changed flow would do differently, over events that have happened: both revisions are run dry for each, and events for which
 * the difference is the same are told together.
 */
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import { dryRunOfEvent, type DryRun, type DryStep, type GivenEvent } from './dry-run.ts';
import { differences, shown } from './input-diff.ts';
import { spanText } from './moments.ts';
import { compared } from './step-order.ts';

/** A difference in what happens, without the values of one event: `+ sms.send`. */
export interface Change {
  readonly kind: 'added' | 'removed' | 'input' | 'time' | 'end';
  readonly step: string;
  readonly text: string;
}

export interface Difference {
  /** For how many events. */
  readonly count: number;
  /** The first few of them. */
  readonly events: readonly string[];
  readonly changes: readonly Change[];
  /** For the first of these events: the inputs that differ, in full. */
  readonly example: readonly string[];
}

export interface Comparison {
  readonly events: number;
  /** For how many of them both do the same. */
  readonly same: number;
  readonly differences: readonly Difference[];
}

/** An event with the name by which people find it. */
export interface RecordedEvent extends GivenEvent {
  readonly id: string;
}

const MOST_NAMED = 5;

/** @param events at most 100 */
export async function compareRevisions(
  before: CompiledFlow,
  after: CompiledFlow,
  vocabulary: Vocabulary,
  events: readonly RecordedEvent[],
): Promise<Comparison> {
  const groups = new Map<string, { changes: readonly Change[]; events: string[]; example: readonly string[] }>();
  let same = 0;
  for (const event of events) {
    const [was, is] = [await dryRunOfEvent(before, vocabulary, event), await dryRunOfEvent(after, vocabulary, event)];
    const { changes, example } = changesBetween(was, is);
    if (changes.length === 0) {
      same += 1;
      continue;
    }
    const key = JSON.stringify(changes);
    const group = groups.get(key) ?? { changes, events: [], example };
    group.events.push(event.id);
    groups.set(key, group);
  }
  const differing = [...groups.values()]
    .toSorted((a, b) => b.events.length - a.events.length)
    .map(({ changes, example, events: ids }) => ({ count: ids.length, events: ids.slice(0, MOST_NAMED), changes, example }));
  return { events: events.length, same, differences: differing };
}

/** The comparison for people. */
export function renderComparison({ events, same, differences: differing }: Comparison): string[] {
  if (differing.length === 0) return [`${events} events: the same effects for each`];
  return [
    `${events} events: the same effects for ${same}, others for ${events - same}`,
    ...differing.flatMap(({ count, events: ids, changes, example }) => [
      '',
      `${count} ${count === 1 ? 'event' : 'events'} (${ids.join(', ')}${count > ids.length ? ', …' : ''})`,
      ...changes.map(({ text }) => `  ${text}`),
      ...(example.length > 0 ? [`  for ${ids[0] ?? ''}:`, ...example.map((line) => `    ${line}`)] : []),
    ]),
  ];
}

function changesBetween(was: DryRun, is: DryRun): { readonly changes: readonly Change[]; readonly example: readonly string[] } {
  const changes: Change[] = [];
  const example: string[] = [];
  const [before, after] = [was.steps.map(ordered), is.steps.map(ordered)];
  const lines = compared(
    before.map(({ name }) => name),
    after,
  );
  let at = 0;
  for (const line of lines) {
    const old = line.kind === 'extra' ? undefined : before[at++];
    if (line.kind === 'extra')
      changes.push({ kind: 'added', step: line.actual.name, text: `+ ${line.actual.name} would run as well (line ${line.actual.line})` });
    else if (line.kind === 'missing')
      changes.push({ kind: 'removed', step: line.expected, text: `- ${line.expected} would not run any more` });
    else if (old) compareCalls(old, line.actual, changes, example);
  }
  if (was.status !== is.status)
    changes.push({
      kind: 'end',
      step: '',
      text: `the run would be ${is.status} instead of ${was.status}${is.reason ? `: ${is.reason.message}` : ''}`,
    });
  const [emitted, emits] = [was.emits.join(', '), is.emits.join(', ')];
  if (emitted !== emits)
    changes.push({ kind: 'end', step: '', text: `it would record ${emits || 'no event'} instead of ${emitted || 'none'}` });
  return { changes, example };
}

function compareCalls(old: DryStep, now: DryStep, changes: Change[], example: string[]): void {
  const fields = [...new Set([...Object.keys(old.input), ...Object.keys(now.input)])].filter(
    (name) => shown(old.input[name]) !== shown(now.input[name]),
  );
  if (fields.length > 0) {
    changes.push({
      kind: 'input',
      step: now.step,
      text: `~ ${now.step} would be called with another ${fields.join(', ')} (line ${now.line})`,
    });
    for (const field of fields) example.push(...differences(old.input[field], now.input[field], `${now.step}.${field}`));
  }
  if (old.afterMs !== now.afterMs)
    changes.push({
      kind: 'time',
      step: now.step,
      text: `~ ${now.step} would run after ${spanText(now.afterMs)} instead of ${spanText(old.afterMs)}`,
    });
}

function ordered(step: DryStep): DryStep & { readonly name: string } {
  return { ...step, name: step.step };
}
