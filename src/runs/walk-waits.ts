/** The verbs `wait`, `wait-for`, `ask` and `run`, and the flow's `stop-on`: what a run waits for. */
import { after, atClockTime } from '../kernel/duration.ts';
import { idOf } from '../kernel/ids.ts';
import type { CompiledStep, EventMatch, Scope } from '../flows/language/compiled-flow.ts';
import { eventKey, valueAt } from './event-key.ts';
import { NOTHING, planFor } from './read-plan.ts';
import type { ArrivedEvent, EventWatch } from './run-context.ts';
import { sameJson } from './same-json.ts';
import { holds, NO_READS, pathOf, remember, scopeOf, stepFailure, type Here, type WalkSteps } from './walk.ts';

type Step<V extends CompiledStep['verb']> = Extract<CompiledStep, { verb: V }>;

export function walkWait(here: Here, step: Step<'wait'>, scope: Scope): Promise<void> {
  return here.context.sleep(pathOf(here, step), (now) => dueTime(here, step, scope, now));
}

/** Sets `event` (its type; empty when the time is over) and `data`. */
export async function walkWaitFor(here: Here, step: Step<'wait-for'>, scope: Scope, walkSteps: WalkSteps): Promise<void> {
  const heard = await here.context.waitFor({
    ...watchOf(here, step.events, step.match, scope),
    path: pathOf(here, step),
    until: untilOf(here, step),
  });
  remember(here, step, heard ? { outcome: 'ok', event: heard.type, data: heard.data } : { outcome: 'ok', event: '', data: {} });
  if (!heard) await walkSteps(here, step.onTimeout);
}

/** Sets `choice`, `by` and `note`; all empty when the time is over. */
export async function walkAsk(here: Here, step: Step<'ask'>, scope: Scope, walkSteps: WalkSteps): Promise<void> {
  const answer = await here.context.ask({
    path: pathOf(here, step),
    text: String(step.question.evaluate(scope)),
    who: step.who ?? '',
    choices: step.choices,
    until: untilOf(here, step),
  });
  remember(here, step, { outcome: 'ok', choice: '', by: '', note: '', ...answer });
  if (!answer) await walkSteps(here, step.onTimeout);
}

/** Sets `run` and `status`. */
export async function walkRun(here: Here, step: Step<'run'>, scope: Scope): Promise<void> {
  const inputs = (step.with.evaluate(scope) ?? {}) as Readonly<Record<string, unknown>>; // the checker holds `with` to a map
  const { run, status } = await here.context.child({ path: pathOf(here, step), flow: step.flow, inputs, waits: step.and === 'wait' });
  remember(here, step, { outcome: 'ok', run: idOf('run', run), status });
}

/** Listens for the events that end the run; what says which are meant is computed now. */
export async function watchForStop(here: Here): Promise<void> {
  const { stopOn } = here.setting.flow;
  if (stopOn.length === 0) return;
  const watches: EventWatch[] = [];
  for (const [index, { event, match }] of stopOn.entries()) {
    const plan = planFor([...(match.key?.value.reads ?? []), ...(match.where?.reads ?? [])]);
    const reads = plan === NOTHING ? NO_READS : await here.context.read(`stop-on.${index}`, plan);
    watches.push(watchOf(here, [event], match, scopeOf(here, reads)));
  }
  const known = here.context.stopOn(watches);
  if (known) await known;
}

function watchOf(here: Here, events: readonly string[], { key, where, onePer }: EventMatch, scope: Scope): EventWatch {
  const value = key?.value.evaluate(scope);
  const own = onePer?.evaluate(scope);
  return {
    events,
    key: key && eventKey(key.path, value),
    meant: ({ data }: ArrivedEvent) => {
      if (key && valueAt(data, key.path) !== value) return false;
      if (onePer && !sameJson(onePer.evaluate({ ...scope, event: data }), own)) return false;
      return !where || holds(where, { ...scope, event: data });
    },
  };
}

function untilOf(here: Here, { within }: Step<'wait-for'> | Step<'ask'>): ((now: Date) => Date) | undefined {
  return within && ((now) => after(now, within, here.setting.flow.timeZone));
}

/** The moment at which a wait is over; one that has passed already is over at once. */
function dueTime(here: Here, step: Step<'wait'>, scope: Scope, now: Date): Date {
  const { timeZone } = here.setting.flow;
  const due = step.until ? momentOf(here, step, step.until.evaluate(scope)) : step.duration ? after(now, step.duration, timeZone) : now;
  return step.at ? atClockTime(due, step.at.hour, step.at.minute, timeZone) : due;
}

function momentOf(here: Here, step: Step<'wait'>, value: unknown): Date {
  const moment = new Date(typeof value === 'string' || typeof value === 'number' ? value : Number.NaN);
  if (!Number.isNaN(moment.getTime())) return moment;
  const message = `The wait in line ${step.place.line} needs a moment such as 2026-11-21T10:00:00Z.`;
  throw stepFailure(pathOf(here, step), 'step.not-a-moment', message);
}
