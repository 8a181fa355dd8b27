/**
 * Traces, for those who collect them. Off unless a collector is named; then nothing here exists and the code asks one question.
 *
 * - A request is a span of the caller's trace, when it names one in `traceparent`, else of a new one. An event that it records is
 *   a span below it.
 * - A run is a trace of its own, and its id is the run's (the UUID without dashes): whoever has the one has the other, in every
 *   process and after every restart, and nothing is stored for it. Each time that the run is in memory is one span without a
 *   parent; the first has the span id that the run's id ends with, the later ones link to it. Between them lie waits, timers,
 *   news and dead processes.
 * - Event and first span of a run link to each other; a sub-flow links to the run that started it.
 * - Below a stay in memory there is one span per attempt of a step, and below that one for each exchange with a provider.
 *
 * Attributes name flows, steps and actions; never what a customer, an amount or a payload is.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

/** Where a span stands: what others link to, or are below. */
export interface SpanPlace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16. */
  readonly spanId: string;
  /** Whether its trace is one of those that are kept. */
  readonly sampled: boolean;
}

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** Default `internal`. */
  readonly kind?: 'server' | 'client' | 'internal';
  readonly attributes?: Attributes;
  readonly links?: readonly SpanPlace[];
  /** When it began, in milliseconds since 1970; default: now. */
  readonly at?: number;
}

/** A span that has not ended. */
export interface OpenSpan {
  readonly place: SpanPlace;
  /** Begins a span below this one. */
  start(name: string, options?: SpanOptions): OpenSpan;
  name(name: string): void;
  set(attributes: Attributes): void;
  link(place: SpanPlace): void;
  /** @param failure a code, when what it measured went wrong */
  end(failure?: string): void;
}

/** Begins spans that are below nothing in this process. */
export interface Tracer {
  /** @param ids its trace, and its own id; made up where they are not given */
  start(name: string, options?: SpanOptions & { readonly ids?: { readonly traceId: string; readonly spanId?: string } }): OpenSpan;
  /** Below a span of another process. */
  startBelow(parent: SpanPlace, name: string, options?: SpanOptions): OpenSpan;
  /** Sends what has ended and is not sent; at most some seconds. */
  stop(): Promise<void>;
}

/** Injected; {@link Tracing.tracer} is undefined where nobody collects traces. */
@Injectable()
export class Tracing implements OnApplicationShutdown {
  constructor(readonly tracer: Tracer | undefined) {}

  async onApplicationShutdown(): Promise<void> {
    await this.tracer?.stop();
  }
}

/** The span that what happens now is below. Nobody enters it where nothing is traced, and then asking costs some nanoseconds. */
export const currentSpan = new AsyncLocalStorage<OpenSpan>();

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Reads W3C's `traceparent`; `undefined` for what is not one. */
export function placeIn(traceparent: unknown): SpanPlace | undefined {
  const [, traceId, spanId, flags] = typeof traceparent === 'string' ? (TRACEPARENT.exec(traceparent) ?? []) : [];
  if (traceId === undefined || spanId === undefined || flags === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
