import { refusalOf } from '../../src/runs/command-refusal.ts';
import type { Command, RunRow } from './database.ts';

/** Whether the command makes no sense in the run's status, whatever its journal says. */
export function commandRefused({ order }: Command, { status }: RunRow): boolean {
  return refusalOf(order.kind, status) !== undefined;
}
