/** Why a run that is taken up again must not go on by itself. */
import type { History } from './history.ts';

/** Where a run stands, and why. */
export interface Standing {
  readonly step: string;
  readonly message: string;
}

/** A run under which the process died this often without its getting on is set aside. */
export const MOST_DEATHS = 3;

/**
 * @param unreadable why its flow cannot be read
 * @param deaths of its process since it last got on
 */
export function obstacleOf(history: History, unreadable: string | undefined, deaths: number): Standing | undefined {
  if (history.aside) return history.aside;
  const step = history.standing;
  if (unreadable !== undefined) return { step, message: `The flow of this run cannot be read: ${unreadable}` };
  return deaths < MOST_DEATHS ? undefined : { step, message: `The process died ${deaths} times while this run stood at the same step.` };
}
