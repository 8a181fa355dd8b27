/** Spans of events, runs and attempts of steps, as platform/observability/tracing.ts describes them. Made only where traces are collected. */
import type { Outcome } from '@kassaflow/plugin-sdk';
import { idOf } from '../../kernel/ids.ts';
import { currentSpan, type OpenSpan, type SpanPlace, type Tracer } from '../../platform/observability/tracing.ts';
import { ActionDoor, type ActionCall, type ActionManifest, type ChosenConnection } from '../../plugin-host/action-call.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { AttentionKind } from '../journal-entry.ts';
import type { LiveRun } from '../live-run.ts';
import type { RunWatch } from '../postgres/run-watch.ts';
import type { FinalStatus } from '../run.ts';
import { timeOf } from '../uuid-time.ts';
import { traceIdOf } from './trace-id.ts';

/** An event on its way to disk. */
export interface TracedEvent {
  readonly id: string;
  readonly type: string;
}

export class TracedRuns implements RunWatch {
  /** By event; only while it is on its way to disk. */
  readonly #events = new Map<string, OpenSpan>();
  /** By run, as long as it is in memory. */
  readonly #stays = new Map<string, OpenSpan>();

  constructor(
    private readonly tracer: Tracer,
    private readonly clock: Clock,
  ) {}

  /** An event is taken in; call what it answers when it is on disk, or will not be. */
  accepting({ id, type }: TracedEvent): (result: string) => void {
    const options = { attributes: { 'kassaflow.event': idOf('evt', id), 'kassaflow.event.type': type } };
    const span = currentSpan.getStore()?.start('event', options) ?? this.tracer.start('event', options);
    this.#events.set(id, span);
    return (result) => {
      this.#events.delete(id);
      span.set({ 'kassaflow.outcome': result });
      span.end(result === 'failed' ? result : undefined);
    };
  }

  started(run: LiveRun): void {
    const { id, event, parent } = run.facts;
    const eventSpan = event && this.#events.get(event.id);
    const links = [...(eventSpan ? [eventSpan.place] : []), ...(parent ? [firstPlace(parent.run)] : [])];
    const span = this.#stay(run, { links, spanId: firstPlace(id).spanId, at: timeOf(id), why: 'start' });
    eventSpan?.link(span.place);
  }

  /** It is in memory again. */
  resumed(run: LiveRun): void {
    this.#stay(run, { links: [firstPlace(run.facts.id)], why: 'resume' });
  }

  ended({ facts }: LiveRun, status: FinalStatus): void {
    this.#stays.get(facts.id)?.set({ 'kassaflow.status': status });
  }

  asked({ facts }: LiveRun, kind: AttentionKind): void {
    this.#stays.get(facts.id)?.set({ 'kassaflow.attention': kind });
  }

  released({ facts, finalStatus }: LiveRun): void {
    const span = this.#stays.get(facts.id);
    if (!span) return;
    this.#stays.delete(facts.id);
    span.end(finalStatus === 'failed' ? 'failed' : undefined);
  }

  flushed(items: number, ms: number): void {
    if (items > 0) this.tracer.start('flush', { at: this.clock.now().getTime() - ms, attributes: { 'kassaflow.items': items } }).end();
  }

  /** Begins the span of one attempt, or of one question about an attempt. */
  attempt(verb: 'run' | 'lookup', { runId, action, step, attempt }: ActionCall): OpenSpan | undefined {
    const attributes = {
      'kassaflow.run': idOf('run', runId),
      'kassaflow.step': step,
      'kassaflow.action': action,
      'kassaflow.attempt': attempt,
    };
    return this.#stays.get(runId)?.start(verb === 'run' ? action : `${action} lookup`, { attributes });
  }

  #stay({ facts, flow }: LiveRun, stay: { links: readonly SpanPlace[]; why: string; spanId?: string; at?: number }): OpenSpan {
    const { links, why, spanId, at } = stay;
    const span = this.tracer.start(`run ${flow.name}`, {
      ids: { traceId: traceIdOf(facts.id), ...(spanId !== undefined && { spanId }) },
      links,
      ...(at !== undefined && { at }),
      attributes: {
        'kassaflow.run': idOf('run', facts.id),
        'kassaflow.flow': flow.name,
        'kassaflow.revision': facts.revision,
        'kassaflow.begins': why,
        ...(facts.event && { 'kassaflow.event': idOf('evt', facts.event.id) }),
      },
    });
    this.#stays.get(facts.id)?.end();
    this.#stays.set(facts.id, span);
    return span;
  }
}

/** A door with a span around each call. What the call sends to providers is below it. */
export class TracedDoor extends ActionDoor {
  constructor(
    private readonly door: ActionDoor,
    private readonly runs: TracedRuns,
  ) {
    super();
  }

  override manifests(): readonly ActionManifest[] {
    return this.door.manifests();
  }

  override resolveConnection(tenantId: string, action: string, via: string | undefined): Promise<ChosenConnection | undefined> {
    return this.door.resolveConnection(tenantId, action, via);
  }

  override invoke(call: ActionCall): Promise<Outcome<Readonly<Record<string, unknown>>>> {
    return within(this.runs.attempt('run', call), () => this.door.invoke(call));
  }

  override lookup(call: ActionCall): Promise<Outcome<Readonly<Record<string, unknown>> | undefined>> {
    return within(this.runs.attempt('lookup', call), () => this.door.lookup(call));
  }
}

async function within<T>(span: OpenSpan | undefined, call: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  if (!span) return call();
  const outcome = await currentSpan.run(span, call);
  const code = 'code' in outcome ? outcome.code : undefined;
  span.set({ 'kassaflow.outcome': outcome.kind, ...(code !== undefined && { 'kassaflow.code': code }) });
  span.end(outcome.kind === 'failed' || outcome.kind === 'unknown' ? (code ?? outcome.kind) : undefined);
  return outcome;
}

/** Where a run's first span stands, whoever made it and when. A trace that is not kept has no such span, and a link to it leads nowhere. */
function firstPlace(runId: string): SpanPlace {
  const traceId = traceIdOf(runId);
  return { traceId, spanId: traceId.slice(16), sampled: true };
}
