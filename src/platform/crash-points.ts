/**
 * Named points at which a test may kill this process or its database, to prove that nothing is lost or done twice there.
 *
 * The crash table in `src/runs/README.md` says for each what is on disk then and which test kills it. A point costs one
 * comparison. It is armed only when NODE_ENV is `test`, by KASSAFLOW_CRASH_AT: `step.effect.after` kills this process,
 * `postgres@step.effect.after` the PostgreSQL server whose pid file KASSAFLOW_CRASH_POSTGRES names, once. With
 * KASSAFLOW_CRASH_AFTER_MS the first so many milliseconds of the process are left alone. `file:/path` arms a process that runs already:
 * what the file says at that moment, and the file is gone before anybody dies.
 */
import { existsSync, readFileSync, rmSync, writeSync } from 'node:fs';

/** All of them. A campaign of `test/chaos` passes each but `trigger.polled.*`, `outgoing.*`, `capture.*`, `connection.*`, `payment.failover.*`, `payment.check.*` and `housekeeping.*`, which `test/crash` kills at. */
export const CRASH_POINTS = [
  'webhook.stored.before',
  'webhook.stored.after',
  'webhook.applied.before',
  'webhook.applied.after',
  'outgoing.queued.before',
  'outgoing.queued.after',
  'outgoing.sent.before',
  'outgoing.sent.after',
  'intake.flush.before',
  'intake.flush.after',
  'dispatch.flush.before',
  'dispatch.flush.after',
  'event.delivered.before',
  'event.delivered.after',
  'guard.reserved.before',
  'guard.reserved.after',
  'schedule.fired.before',
  'schedule.fired.after',
  'trigger.polled.before',
  'trigger.polled.after',
  'step.intent.before',
  'step.intent.after',
  'step.effect.after',
  'step.result.after',
  'sleep.set.before',
  'sleep.set.after',
  'timer.fired.before',
  'timer.fired.after',
  'wait.set.before',
  'wait.set.after',
  'signal.matched.before',
  'signal.matched.after',
  'signal.handed.before',
  'signal.taken.before',
  'signal.taken.after',
  'child.started.before',
  'child.started.after',
  'child.ended.before',
  'child.ended.after',
  'question.asked.before',
  'question.asked.after',
  'turn.given.before',
  'turn.given.after',
  'run.finished.before',
  'run.finished.after',
  'command.answered.before',
  'command.answered.after',
  'bulk.commands.before',
  'bulk.commands.after',
  'chain.extended.before',
  'chain.extended.after',
  'payment.attempt.after',
  'payment.created.before',
  'payment.failover.after',
  'payment.check.after',
  'capture.begun.after',
  'capture.settled.before',
  'checkout.attempt.after',
  'mandate.asked.after',
  'charge.approval.after',
  'connection.webhook.before',
  'connection.webhook.after',
  'settlement.page.after',
  'settlement.booked.before',
  'settlement.booked.after',
  'housekeeping.commit.before',
  'housekeeping.commit.after',
  'housekeeping.batch.after',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

interface Target {
  readonly setting: string;
  readonly victim: 'process' | 'postgres';
  readonly point: string;
}

const FILE = 'file:';
const setting = process.env['NODE_ENV'] === 'test' ? (process.env['KASSAFLOW_CRASH_AT'] ?? '') : '';
const file = setting.startsWith(FILE) ? setting.slice(FILE.length) : undefined;
let armed = targetOf(file === undefined ? setting : '');
const notBefore = performance.now() + Number(process.env['KASSAFLOW_CRASH_AFTER_MS'] ?? 0);

/** Dies here, as by `kill -9`, when this point is armed. */
export function crashPoint(name: CrashPoint): void {
  if (file !== undefined) armed = targetOf(existsSync(file) ? readFileSync(file, 'utf8') : '');
  if (name !== armed.point || performance.now() < notBefore) return;
  const target = armed;
  armed = targetOf('');
  if (file !== undefined) rmSync(file);
  // Past the logger, which has no time left to write.
  writeSync(process.stderr.fd, `crash point reached: ${target.setting}\n`);
  process.kill(target.victim === 'postgres' ? postmaster() : process.pid, 'SIGKILL');
}

function targetOf(text: string): Target {
  const onPostgres = text.startsWith('postgres@');
  return { setting: text, victim: onPostgres ? 'postgres' : 'process', point: onPostgres ? text.slice('postgres@'.length) : text };
}

function postmaster(): number {
  return Number(readFileSync(process.env['KASSAFLOW_CRASH_POSTGRES'] ?? '', 'utf8').split('\n')[0]);
}
