/** Holds what a run did against what its test expects; each difference is a problem with its place in the file. */
import type { Expected, ExpectedInput, FlowTest, Located, Problem } from './flow-test.ts';
import { differences, plainSpaces, shown } from './input-diff.ts';
import { clockText, spanText } from './moments.ts';
import { later } from './read-fields.ts';
import type { VirtualResult } from './run-result.ts';
import { compared, fits, isMeant, type DiffLine } from './step-order.ts';
import type { TracedCall } from './trace.ts';

/** @param timeZone of the flow, by whose calendar `took` counts */
export function judge({ expected, name, place }: FlowTest, result: VirtualResult, timeZone: string): Problem[] {
  const problems = [
    ...statusProblems(expected, result),
    ...reasonProblems(expected, result),
    ...stepProblems(expected, result),
    ...neverProblems(expected, result),
    ...tookProblems(expected, result, timeZone),
    ...expected.with.flatMap((one) => inputProblems(one, result)),
  ];
  if (problems.length === 0 && !expectsAnything(expected))
    problems.push({ message: `The test "${name}" expects nothing.`, place, help: ['write for example  expect: { status: completed }'] });
  return problems;
}

function expectsAnything({ never, with: inputs, ...rest }: Expected): boolean {
  return never.length + inputs.length + Object.keys(rest).length > 0;
}

function statusProblems({ status }: Expected, result: VirtualResult): Problem[] {
  if (!status || status.value === result.status) return [];
  const why = result.reason && result.reason.message !== '' ? [`because: ${result.reason.message}`] : [];
  return [{ message: `The run should be ${status.value} and is ${result.status}.`, place: status.place, help: why }];
}

function reasonProblems({ reason }: Expected, result: VirtualResult): Problem[] {
  const found = result.reason?.message ?? '';
  if (!reason || plainSpaces(reason.value) === plainSpaces(found)) return [];
  return [
    { message: 'The reason is another one.', place: reason.place, help: [`expected  ${shown(reason.value)}`, `found     ${shown(found)}`] },
  ];
}

function stepProblems({ steps }: Expected, { trace }: VirtualResult): Problem[] {
  if (!steps) return [];
  const names = steps.value.map(({ value }) => value);
  if (fits(names, trace.calls)) return [];
  const lines = compared(names, trace.calls);
  return [{ message: 'The steps differ:', place: firstPlace(lines, steps), help: stepTable(lines) }];
}

/** Where the author has to look first: at the first name that was not met, else at the list. */
function firstPlace(
  lines: readonly DiffLine<TracedCall>[],
  { value, place }: NonNullable<Expected['steps']>,
): Expected['never'][number]['place'] {
  const at = lines.filter(({ kind }) => kind !== 'extra').findIndex(({ kind }) => kind === 'missing');
  return value[at]?.place ?? place;
}

/** Two columns, what was expected and what happened, with a sign where they differ. */
function stepTable(lines: readonly DiffLine<TracedCall>[]): string[] {
  const left = (line: DiffLine<TracedCall>) => (line.kind === 'extra' ? '' : line.expected);
  const width = Math.max(8, ...lines.map((line) => left(line).length));
  const right = (line: DiffLine<TracedCall>) =>
    line.kind === 'missing' ? '' : `${line.actual.name}${line.kind === 'extra' ? `  (line ${line.actual.place.line})` : ''}`;
  const sign = { same: ' ', missing: '-', extra: '+' } as const;
  return [
    `  ${'expected'.padEnd(width)}  happened`,
    ...lines.map((line) => `${sign[line.kind]} ${left(line).padEnd(width)}  ${right(line)}`.trimEnd()),
  ];
}

function neverProblems({ never }: Expected, { trace }: VirtualResult): Problem[] {
  return never.flatMap(({ value, place }): Problem[] => {
    const call = trace.calls.find((one) => isMeant(one, value));
    return call
      ? [{ message: `${value} should never run, and did (line ${call.place.line}).`, place, help: [`with  ${shown(call.input)}`] }]
      : [];
  });
}

function tookProblems({ took }: Expected, { startedAt, endedAt, status }: VirtualResult, timeZone: string): Problem[] {
  if (!took || status === 'not-started') return [];
  const due = later(startedAt, took.value, timeZone);
  if (due.getTime() === endedAt.getTime()) return [];
  return [
    {
      message: `The run should take ${took.text} and took ${spanText(endedAt.getTime() - startedAt.getTime())}.`,
      place: took.place,
      help: [
        `began     ${clockText(startedAt, timeZone)}`,
        `expected  ${clockText(due, timeZone)}`,
        `found     ${clockText(endedAt, timeZone)}`,
      ],
    },
  ];
}

/** A map holds for every call of the step, a list for each of its calls in order. */
function inputProblems({ step, each, inputs }: ExpectedInput, { trace }: VirtualResult): Problem[] {
  const calls = trace.calls.filter((call) => isMeant(call, step.value));
  if (calls.length === 0) return [{ message: `${step.value} did not run.`, place: step.place }];
  if (each && calls.length !== inputs.length)
    return [{ message: `${step.value} should run ${inputs.length} times and ran ${calls.length} times.`, place: step.place }];
  return calls.flatMap((call, index) => {
    const wanted: Located<unknown> | undefined = each ? inputs[index] : inputs[0];
    const found = wanted ? differences(wanted.value, call.input) : [];
    if (!wanted || found.length === 0) return [];
    const which = calls.length > 1 ? ` (call ${index + 1} of ${calls.length})` : '';
    return [{ message: `${step.value} was called with something else${which}:`, place: wanted.place, help: found }];
  });
}
