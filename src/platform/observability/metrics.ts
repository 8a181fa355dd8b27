/**
 * The numbers that an operator watches, in Prometheus' text form.
 *
 * Names and labels are public: dashboards and alerts rest on them. No ids, names of people or amounts of one payment are
 * labels; base units only (seconds, bytes, minor units of money).
 */
import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds; an in-process step takes half a millisecond, a slow provider half a minute. */
const STEP_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const HTTP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

@Injectable()
export class Metrics {
  readonly registry = new Registry();
  readonly #into = { registers: [this.registry] };

  /** `method`, `route` (the pattern, not the address), `status` (as `2xx`). */
  readonly httpRequestSeconds = new Histogram({
    name: 'kassaflow_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: HTTP_SECONDS,
    ...this.#into,
  });
  readonly eventsAccepted = new Counter({
    name: 'kassaflow_events_accepted_total',
    help: 'Events of portals that were recorded, each once, by type',
    labelNames: ['type'],
    ...this.#into,
  });
  readonly eventsRefused = new Counter({
    name: 'kassaflow_events_refused_total',
    help: 'Events not recorded, by error code',
    labelNames: ['code'],
    ...this.#into,
  });
  readonly runsStarted = new Counter({ name: 'kassaflow_runs_started_total', help: 'Runs started', labelNames: ['flow'], ...this.#into });
  /** `status`: completed, stopped, failed, cancelled. */
  readonly runsFinished = new Counter({
    name: 'kassaflow_runs_finished_total',
    help: 'Runs ended',
    labelNames: ['flow', 'status'],
    ...this.#into,
  });
  readonly stepSeconds = new Histogram({
    name: 'kassaflow_step_duration_seconds',
    help: 'Time of one attempt of a step',
    labelNames: ['action'],
    buckets: STEP_SECONDS,
    ...this.#into,
  });
  /** `outcome`: ok, declined, failed, unknown. */
  readonly stepAttempts = new Counter({
    name: 'kassaflow_step_attempts_total',
    help: 'Attempts of steps',
    labelNames: ['action', 'outcome'],
    ...this.#into,
  });
  readonly readyDelaySeconds = new Histogram({
    name: 'kassaflow_ready_delay_seconds',
    help: 'Time from taking an event in until its run and what the run will do first are on disk, and the first call leaves',
    buckets: STEP_SECONDS,
    ...this.#into,
  });
  readonly payments = new Counter({
    name: 'kassaflow_payments_total',
    help: 'Payments that reached a state',
    labelNames: ['provider', 'method', 'state'],
    ...this.#into,
  });
  readonly paymentAmountMinor = new Counter({
    name: 'kassaflow_payment_amount_minor_total',
    help: 'Sum of the amounts of payments that reached a state, in minor units',
    labelNames: ['currency', 'state'],
    ...this.#into,
  });
  /** `result`: delivered, failed (sent again later), dead, gone (the endpoint is disabled), interrupted. */
  readonly webhooksSent = new Counter({
    name: 'kassaflow_webhooks_sent_total',
    help: 'Messages to webhook endpoints of portals',
    labelNames: ['result'],
    ...this.#into,
  });
  /** `result`: applied, duplicate, ignored, refused, orphan, failed. */
  readonly webhooksReceived = new Counter({
    name: 'kassaflow_webhooks_received_total',
    help: 'Webhooks from providers',
    labelNames: ['provider', 'result'],
    ...this.#into,
  });
  /** 1 when it works, 0 when it is paused or its check fails. */
  readonly connectionUp = new Gauge({
    name: 'kassaflow_connection_up',
    help: 'Whether a connection works',
    labelNames: ['connection'],
    ...this.#into,
  });
  /** 1 when the provider has our webhook, 0 when it refuses it. */
  readonly webhookRegistered = new Gauge({
    name: 'kassaflow_webhook_registered',
    help: 'Whether the webhook of a connection is registered at its provider',
    labelNames: ['connection'],
    ...this.#into,
  });
  readonly streamClients = new Gauge({ name: 'kassaflow_stream_clients', help: 'Open event streams', ...this.#into });

  /** Adds the metrics of the process itself (memory, event loop, garbage collection). Once per process, so `main` asks for it. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry, prefix: 'kassaflow_' });
  }

  /** The text that Prometheus reads. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }
}
