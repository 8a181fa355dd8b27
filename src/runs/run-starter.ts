/** From an event to the runs that it starts, without waiting for anything: the way of every event that is taken in. */
import { idOf, newUuid } from '../kernel/ids.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { admit, type Admission, type Match, type TriggerIndex } from '../flows/trigger-index.ts';
import type { Scope } from '../flows/language/compiled-flow.ts';
import { depthOfEvent } from './event-chain.ts';
import type { RunEvent, RunFacts } from './run.ts';
import { LiveRun, type RunHost } from './live-run.ts';

/** An event that may start runs. */
export interface StartingEvent extends RunEvent {
  readonly tenantId: string;
  /** As the log has it; tells an event of a run and how deep it lies. */
  readonly source: string;
}

/** Runs that begin now. `undecided` when the current state of a subject must be read to know which. */
export type Routing = { readonly kind: 'routed'; readonly runs: readonly LiveRun[] } | { readonly kind: 'undecided' };

const UNASKED: Extract<Admission, { starts: true }> = { starts: true };
const ABOUT_RUNS: ReadonlySet<string> = new Set(['run.failed', 'run.needs-attention']);

export class RunStarter {
  constructor(private readonly index: TriggerIndex) {}

  /** Routes by the event alone. */
  route(event: StartingEvent, host: RunHost): Routing {
    const matches = this.#candidates(event);
    if (matches.length === 0) return { kind: 'routed', runs: [] };
    if (matches.some(({ needs }) => needs.size > 0)) return { kind: 'undecided' };
    return { kind: 'routed', runs: matches.flatMap((match) => this.#start(match, event, {}, host)) };
  }

  /** Routes with the subjects that the matching flows read. */
  async routeWithSubjects(event: StartingEvent, host: RunHost): Promise<readonly LiveRun[]> {
    const runs: LiveRun[] = [];
    for (const match of this.#candidates(event)) {
      const facts = factsOf(match, event, undefined);
      const subjects = match.needs.size === 0 ? {} : await host.readSubjects(facts, [...match.needs]);
      runs.push(...this.#start(match, event, subjects, host));
    }
    return runs;
  }

  /** Flows that the event may start; one that is about a run starts no run of the same flow. */
  #candidates(event: StartingEvent): readonly Match[] {
    const matches = this.index.match(event);
    if (matches.length === 0 || !ABOUT_RUNS.has(event.type)) return matches;
    const { run } = event.data;
    return matches.filter(({ flow }) => typeof run !== 'object' || run === null || !('flow' in run) || run.flow !== flow.name);
  }

  #start(match: Match, event: StartingEvent, subjects: Readonly<Record<string, unknown>>, host: RunHost): LiveRun[] {
    try {
      const admission = match.always ? UNASKED : admit(match, scopeOf(match, event, subjects, host));
      if (!admission.starts) return [];
      return [begun(new LiveRun(factsOf(match, event, admission.onePer), match.flow, host))];
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      // A condition that cannot be computed is shown as a failed run: an event is never dropped in silence.
      const run = new LiveRun(factsOf(match, event, undefined), match.flow, host);
      run.failToStart({ code: error.code, message: error.message });
      return [run];
    }
  }
}

/** What a trigger and `one-per` may name. Of the run there is what is known before it exists: its flow and its event. */
function scopeOf({ flow }: Match, event: StartingEvent, subjects: Readonly<Record<string, unknown>>, { clock }: RunHost): Scope {
  return {
    event: event.data,
    vars: flow.vars,
    now: clock.now().toISOString(),
    get run() {
      return { flow: flow.name, event: { id: idOf('evt', event.id), type: event.type, time: event.occurredAt.toISOString() } };
    },
    ...subjects,
  };
}

/**
 * Tells whether `event` starts nothing, because it is about a run that was itself started by such an event: flows that react
 * to failures would otherwise start each other for as long as they fail.
 */
export function endsChain(run: RunFacts, event: { readonly type: string }): boolean {
  return ABOUT_RUNS.has(event.type) && run.event !== undefined && ABOUT_RUNS.has(run.event.type);
}

function begun(run: LiveRun): LiveRun {
  run.begin();
  return run;
}

function factsOf(match: Match, { id, type, occurredAt, data, tenantId, source }: StartingEvent, onePer: string | undefined): RunFacts {
  const { flowId, revision, flow } = match;
  // With `if-running: parallel` the key only names what the run is about.
  const key = flow.onePer?.ifRunning === 'parallel' ? undefined : onePer;
  const chain = depthOfEvent(source);
  return {
    id: newUuid(),
    tenantId,
    flowId,
    revision,
    event: { id, type, occurredAt, data },
    ...(chain > 0 && { chain }),
    ...(key !== undefined && { onePer: key }),
  };
}
