/** How a run of a test, or of a dry run, went. */
import type { RunReason } from '../run.ts';
import type { ExpectedStatus } from './flow-test.ts';
import type { Trace } from './trace.ts';

export interface VirtualResult {
  readonly status: ExpectedStatus;
  /** Why it ended or stands still. */
  readonly reason: RunReason | undefined;
  readonly startedAt: Date;
  /** When it ended; when nothing more happened, for a run that did not end. */
  readonly endedAt: Date;
  readonly trace: Trace;
}
