import type { DeskCalls } from '../desks/desk-calls.ts';
import type { Trouble } from './history.ts';

/** Prepares what goes wrong with the next call that changes something. */
export function strike(calls: DeskCalls, trouble: Trouble): void {
  const { desk } = calls;
  if (trouble === 'dies' || trouble === 'forgotten') calls.dieAfterNextWrite();
  else if (trouble !== 'none') desk.faults.add({ match: desk.writes, action: trouble });
}
