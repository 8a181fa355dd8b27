/** Which commands make no sense for a run in which status, whatever its journal says. The whole table is in docs/operations.md. */
import type { CommandKind } from './run-engine.ts';
import type { RunStatus } from './run.ts';

const OPEN: ReadonlySet<string> = new Set(['queued', 'running', 'waiting', 'attention']);

/** Statuses from which a command may take a run that nobody has in memory. */
export const STATUSES_FOR: Readonly<Record<CommandKind, readonly RunStatus[]>> = {
  cancel: ['queued', 'running', 'waiting', 'attention'],
  // Among those that wait for a person only the ones that were set aside.
  retry: ['failed', 'attention'],
  resolve: ['running', 'waiting', 'attention'],
  skip: ['running', 'waiting', 'attention', 'failed'],
  resume: ['running', 'waiting', 'attention'],
  edit: ['running', 'waiting', 'attention', 'failed'],
  move: ['running', 'waiting', 'attention'],
};

/** The code of the error that answers `kind` for a run in `status`; absent when the run itself decides. */
export function refusalOf(kind: CommandKind, status: RunStatus): string | undefined {
  if (STATUSES_FOR[kind].includes(status)) return undefined;
  if (kind === 'retry' && OPEN.has(status)) return 'runs.not-failed';
  // A run that waits for its turn has done nothing yet: it can only be called off.
  if (OPEN.has(status)) return kind === 'cancel' ? undefined : 'runs.not-begun';
  return 'runs.finished';
}
