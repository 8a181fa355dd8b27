/**
 * Named points at which a test may kill this process, to prove that nothing is lost or done twice there.
 *
 * The crash table in `src/runs/README.md` says for each what is on disk then and which test kills it. A point costs one
 * comparison; it is armed only when NODE_ENV is `test` and KASSAFLOW_CRASH_AT names it.
 */
export type CrashPoint =
  | 'webhook.stored.before' | 'webhook.stored.after' | 'webhook.applied.before' | 'webhook.applied.after'
  | 'intake.flush.before' | 'intake.flush.after'
  | 'dispatch.flush.before' | 'dispatch.flush.after'
  | 'step.intent.before' | 'step.intent.after' | 'step.effect.after' | 'step.result.after'
  | 'timer.fired.before' | 'timer.fired.after'
  | 'run.finished.before' | 'run.finished.after'
  | 'payment.attempt.after' | 'payment.created.before';

const armed = process.env['NODE_ENV'] === 'test' ? process.env['KASSAFLOW_CRASH_AT'] : undefined;

/** Dies here, as by `kill -9`, when this point is armed. */
export function crashPoint(name: CrashPoint): void {
  if (name === armed) process.kill(process.pid, 'SIGKILL');
}
