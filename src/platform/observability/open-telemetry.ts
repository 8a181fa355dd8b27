/** Spans by OpenTelemetry's SDK, sent by OTLP over HTTP. Loaded only where a collector is named: nobody else pays for the import. */
import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Span,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  TracerProvider,
  TraceIdRatioBasedSampler,
  type IdGenerator,
} from '@opentelemetry/sdk-trace';
import type { OpenSpan, SpanOptions, SpanPlace, Tracer } from './tracing.ts';

export interface CollectorOptions {
  /** The collector's origin; spans go to `/v1/traces` there. */
  readonly endpoint: string;
  /** What the collector wants to be shown with each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** 0 to 1: which part of the traces that begin here is kept. A run is kept whole or not at all, in every process. */
  readonly ratio: number;
  /** `service.version`. */
  readonly version: string;
  /** `service.instance.id`. */
  readonly instance: string;
  /** Hears that spans could not be sent. */
  readonly onProblem: (message: string) => void;
}

/** Spans that wait to be sent; what comes on top is lost, because a slow collector must not slow payments. */
const MOST_WAITING = 20_000;
const AT_ONCE = 2_000;
const SEND_EVERY_MS = 1_000;
const SEND_TIMEOUT_MS = 5_000;
const NAME = 'kassaflow';

export function openTracer(options: CollectorOptions): Tracer {
  const { endpoint, headers, ratio, version, instance, onProblem } = options;
  const quiet = (): void => undefined;
  diag.setLogger({ error: onProblem, warn: quiet, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ERROR);
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, headers: { ...headers }, timeoutMillis: SEND_TIMEOUT_MS });
  const ids = new GivenIds();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': NAME, 'service.version': version, 'service.instance.id': instance }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: MOST_WAITING,
        maxExportBatchSize: AT_ONCE,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: SEND_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer(NAME, version);
  return {
    start: (name, spanOptions = {}) => {
      ids.next = spanOptions.ids;
      const span = tracer.startSpan(name, { ...otelOptions(spanOptions), root: true }, ROOT_CONTEXT);
      ids.next = undefined;
      return new OtelSpan(span, tracer);
    },
    startBelow: (parent, name, spanOptions = {}) => startBelow(tracer, { ...contextOf(parent), isRemote: true }, name, spanOptions),
    stop: () => provider.shutdown().catch(quiet),
  };
}

/** Random ids, except where the next span's are given. */
class GivenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  next: { readonly traceId: string; readonly spanId?: string } | undefined;

  generateTraceId(): string {
    return this.next?.traceId ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.next?.spanId ?? this.#random.generateSpanId();
  }
}

class OtelSpan implements OpenSpan {
  readonly place: SpanPlace;

  constructor(
    private readonly span: Span,
    private readonly tracer: OtelTracer,
  ) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.place = { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
  }

  start(name: string, options: SpanOptions = {}): OpenSpan {
    return startBelow(this.tracer, contextOf(this.place), name, options);
  }

  name(name: string): void {
    this.span.updateName(name);
  }

  set(attributes: Readonly<Record<string, string | number | boolean>>): void {
    this.span.setAttributes(attributes);
  }

  link(place: SpanPlace): void {
    this.span.addLink({ context: contextOf(place) });
  }

  end(failure?: string): void {
    if (failure !== undefined) this.span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    this.span.end();
  }
}

type SpanContext = ReturnType<Span['spanContext']>;

function startBelow(tracer: OtelTracer, parent: SpanContext, name: string, options: SpanOptions): OpenSpan {
  return new OtelSpan(tracer.startSpan(name, otelOptions(options), trace.setSpanContext(ROOT_CONTEXT, parent)), tracer);
}

function contextOf({ traceId, spanId, sampled }: SpanPlace): SpanContext {
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

function otelOptions({ kind = 'internal', attributes, links, at }: SpanOptions) {
  return {
    kind: KINDS[kind],
    ...(attributes && { attributes }),
    ...(links && { links: links.map((place) => ({ context: contextOf(place) })) }),
    ...(at !== undefined && { startTime: at }),
  };
}
