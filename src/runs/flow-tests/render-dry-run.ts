import { shown } from './input-diff.ts';
import { spanText } from './moments.ts';
import type { DryRun } from './dry-run.ts';

/** A dry run for people: each action with when it would be called and with what. */
export function renderDryRun({ flow, status, reason, startedAt, endedAt, steps, emits }: DryRun): string[] {
  const width = Math.max(0, ...steps.map(({ step }) => step.length));
  const total = Date.parse(endedAt) - Date.parse(startedAt);
  return [
    `${flow} would be ${status}${total > 0 ? ` after ${spanText(total)}` : ''}${reason && reason.message !== '' ? `: ${reason.message}` : ''}`,
    ...steps.map(({ step, afterMs, input, line, problem }) =>
      [
        `  +${spanText(afterMs).padEnd(8)}  ${step.padEnd(width)}  line ${line}  ${shown(input)}`,
        problem === undefined ? '' : `  would be refused: ${problem}`,
      ].join(''),
    ),
    ...(emits.length > 0 ? [`  records ${emits.join(', ')}`] : []),
    ...(steps.length === 0 ? ['  calls no action'] : []),
  ];
}
