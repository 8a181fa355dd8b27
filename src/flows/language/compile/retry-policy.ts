import { approximateMs, type Duration } from '../../../kernel/duration.ts';
import type { RetryPolicy } from '../compiled-flow.ts';
import type { RetrySyntax } from '../syntax.ts';

/** Technical failures are tried again five times by default: after 10 s, 30 s, 90 s, 4.5 min and 13.5 min. */
const USUAL_RETRY: RetryPolicy = { kind: 'backoff', times: 5, firstMs: 10_000, factor: 3, longestMs: 3_600_000 };

/** What `retry:` of a step or a flow says; the usual policy where neither says anything. */
export function retryPolicy(retry: RetrySyntax | undefined): RetryPolicy {
  if (!retry) return USUAL_RETRY;
  const { never, times, first, factor, longest, every, within } = retry;
  if (never || !times) return { kind: 'never' };
  const ms = (duration: Duration | undefined, otherwise: number) => (duration ? approximateMs(duration) : otherwise);
  const steady = every?.duration && approximateMs(every.duration);
  return {
    kind: 'backoff',
    times: times.value,
    firstMs: steady ?? ms(first?.duration, 10_000),
    factor: steady === undefined ? (factor?.value ?? 3) : 1,
    longestMs: steady ?? ms(longest?.duration, 3_600_000),
    ...(within?.duration && { withinMs: approximateMs(within.duration) }),
  };
}
