import type { RetryPolicy } from '../flows/language/compiled-flow.ts';

/**
 * Milliseconds to wait after `failures` failed attempts, or `undefined` when there is no further one.
 * Half of the pause is jitter, so that runs that failed together do not come back together.
 *
 * @param sinceFirstMs time since the first attempt, for policies with a limit
 * @param random 0 to 1
 */
export function pauseBefore(policy: RetryPolicy, failures: number, sinceFirstMs: number, random: number): number | undefined {
  if (policy.kind === 'never' || failures >= policy.times) return undefined;
  const full = Math.min(policy.firstMs * policy.factor ** (failures - 1), policy.longestMs);
  const pause = Math.round(full / 2 + (random * full) / 2);
  return policy.withinMs !== undefined && sinceFirstMs + pause > policy.withinMs ? undefined : pause;
}
