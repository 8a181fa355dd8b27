import { shown } from './input-diff.ts';
import { spanText } from './moments.ts';
import type { DryRun } from './dry-run.ts';

/** A dry run for people: each action with when it would be called and with what. */
export function renderDryRun({ flow, status, reason, startedAt, endedAt, steps, emits }: DryRun): string[] {
  const width = Math.max(0, ...steps.map((step) => nameOf(step).length));
  const total = Date.parse(endedAt) - Date.parse(startedAt);
  return [
    `${flow} would be ${status}${total > 0 ? ` after ${spanText(total)}` : ''}${reason && reason.message !== '' ? `: ${reason.message}` : ''}`,
    ...steps.map(({ afterMs, input, line, problem, ...step }) =>
      [
        `  +${spanText(afterMs).padEnd(8)}  ${nameOf(step).padEnd(width)}  line ${line}  ${shown(input)}`,
        problem === undefined ? '' : `  would be refused: ${problem}`,
      ].join(''),
    ),
    ...(emits.length > 0 ? [`  records ${emits.join(', ')}`] : []),
    ...(steps.length === 0 ? ['  calls no action'] : []),
  ];
}

/** What is called, and under which id it stands in the file. */
function nameOf({ step, action }: Pick<DryRun['steps'][number], 'step' | 'action'>): string {
  return step === action ? action : `${action} (${step})`;
}
