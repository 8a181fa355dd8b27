/** What an operator sees from outside: the built program, a real collector of traces, and the numbers at /metrics. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { AppProcess } from '../support/app-process.ts';
import { Api } from '../support/api.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';
import { attribute, Collector, type SentSpan } from './collector.ts';

jest.setTimeout(STORY_MS);

const ROOT = resolve(import.meta.dirname, '../..');
const CALLER = { traceId: 'abcdef0123456789abcdef0123456789', spanId: '0123456789abcdef' };
const SECRET = 'canary-4711';

interface Run {
  readonly id: string;
  readonly status: string;
  readonly traceId?: string;
}

let collector: Collector;
let sink: Server;
let app: AppProcess;
let api: Api;
let key: string;

beforeAll(async () => {
  collector = await Collector.open();
  sink = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((done) => sink.listen(0, '127.0.0.1', done));
  const host = `127.0.0.1:${(sink.address() as AddressInfo).port}`;
  app = await AppProcess.prepare({
    LOG_LEVEL: 'warn',
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_LEASE_MS: '1000',
    KASSAFLOW_EGRESS_ALLOW: host,
    KASSAFLOW_OTLP_ENDPOINT: collector.url,
    KASSAFLOW_OTLP_HEADERS: 'x-collector-key=open sesame',
  });
  await app.start();
  key = (JSON.parse((await app.cli(['key', 'create', 'shop', '--tenant', 'shop', '--json'])).output) as { secret: string }).secret;
  api = new Api(app.url, key, SOON_MS);
  await api.post('/v1/connections', { name: 'sink', plugin: 'http', settings: { baseUrl: `http://${host}` } });
  await api.post('/v1/flows', { source: readFileSync(join(import.meta.dirname, 'flows/observed.yaml'), 'utf8') });
});
afterAll(async () => {
  await app.dispose();
  sink.close();
  collector.close();
});

async function send(number: number): Promise<Response> {
  return fetch(`${app.url}/v1/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01`,
    },
    body: JSON.stringify({
      specversion: '1.0',
      id: `n-${number}`,
      source: '/shop',
      type: 'custom.observed',
      data: { number, note: SECRET },
    }),
  });
}

async function spansOf(traceId: string, isComplete: (spans: readonly SentSpan[]) => boolean): Promise<readonly SentSpan[]> {
  await until(
    () => isComplete(collector.of(traceId)),
    () => `spans of ${traceId}: ${JSON.stringify(collector.of(traceId).map(({ name }) => name))}; the app says ${app.output}`,
  );
  return collector.of(traceId);
}

describe('traces', () => {
  test('a run has one trace over a wait and the death of its process, linked and never below what came before', async () => {
    const answer = await send(1);
    expect(answer.status).toBe(202);
    let run: Run | undefined;
    await until(
      async () => (run = (await api.get<{ items: Run[] }>('/v1/runs')).items[0])?.status === 'waiting',
      () => `the run is ${JSON.stringify(run)}`,
    );
    const { traceId = '' } = await api.get<Run>(`/v1/runs/${run?.id}`);
    // The first stay has ended and was sent; then the process dies, and another one goes on.
    await spansOf(traceId, (spans) => spans.some(({ name }) => name === 'run observed'));
    await app.kill();
    await app.start();
    const spans = await spansOf(traceId, (found) => found.filter(({ name }) => name === 'run observed').length === 2);

    const [first, second] = spans.filter(({ name }) => name === 'run observed');
    expect([first?.parentSpanId ?? '', second?.parentSpanId ?? '']).toEqual(['', '']);
    expect(first?.spanId).toBe(traceId.slice(16));
    expect(second?.links).toEqual([expect.objectContaining({ traceId, spanId: first?.spanId })]);
    expect(attribute(second as SentSpan, 'kassaflow.status')).toBe('completed');

    const attempts = spans.filter(({ name }) => name === 'http.call');
    expect(attempts.map((span) => [span.parentSpanId, attribute(span, 'kassaflow.step'), attribute(span, 'kassaflow.outcome')])).toEqual([
      [first?.spanId, '0', 'ok'],
      [second?.spanId, '2', 'ok'],
    ]);
    const exchanges = spans.filter(({ kind }) => kind === 3);
    expect(exchanges.map((span) => [span.parentSpanId, attribute(span, 'http.response.status_code')])).toEqual(
      attempts.map(({ spanId }) => [spanId, '200']),
    );

    const [event] = collector.spans.filter(({ name, traceId: id }) => name === 'event' && id === CALLER.traceId);
    const request = collector.of(CALLER.traceId).find(({ name }) => name === 'POST /v1/events');
    expect([request?.parentSpanId, event?.parentSpanId]).toEqual([CALLER.spanId, request?.spanId]);
    expect(event?.links).toEqual([expect.objectContaining({ traceId, spanId: first?.spanId })]);
    expect(first?.links).toEqual([expect.objectContaining({ traceId: CALLER.traceId, spanId: event?.spanId })]);
  });

  test('a problem names the trace of its caller', async () => {
    const answer = await fetch(`${app.url}/v1/runs/run_nonsense`, {
      headers: { authorization: `Bearer ${key}`, traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-00` },
    });
    expect(await answer.json()).toMatchObject({ traceId: CALLER.traceId });
  });

  test('the collector is shown its key, and nothing of a payload', () => {
    expect([...collector.keys]).toEqual(['open sesame']);
    expect(JSON.stringify(collector.spans)).not.toContain(SECRET);
    // The health checks and the scrapes of machines leave none.
    expect(collector.spans.some(({ name }) => name.includes('/health') || name.includes('/metrics'))).toBe(false);
  });
});

test('the status page tells the operator that all is well', async () => {
  const { code, output } = await app.cli(['status'], { KASSAFLOW_API_KEY: key });
  expect([code, output]).toEqual([0, expect.stringContaining('Nothing needs a person, and nothing is in doubt.')]);
  expect(output).toContain('No work waits.');
  expect(output).toContain('Flush lanes: 1 live.');
  expect(output).toMatch(/Disk: [0-9.]+ of [0-9.]+ GiB free/);
});

describe('metrics', () => {
  const NAME = /\bkassaflow_[a-z0-9_]+/g;
  const withoutSuffix = (name: string) => name.replace(/_(bucket|sum|count)$/, '');

  async function scrape(): Promise<string> {
    return (await fetch(`${app.url}/metrics`)).text();
  }

  function namesIn(text: string): ReadonlySet<string> {
    return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? ''));
  }

  test.each(['ops/grafana/kassaflow.json', 'ops/prometheus/alerts.yaml'])('%s uses only what there is', async (file) => {
    const known = namesIn(await scrape());
    const used = new Set(readFileSync(join(ROOT, file), 'utf8').match(NAME));
    expect(used.size).toBeGreaterThan(15);
    expect([...used].filter((name) => !known.has(name) && !known.has(withoutSuffix(name)))).toEqual([]);
  });

  test('every metric of ours is described for operators, and every described one exists', async () => {
    const known = [...namesIn(await scrape())].filter((name) => !/^kassaflow_(process|nodejs)_/.test(name));
    const described = new Set(readFileSync(join(ROOT, 'docs/operations.md'), 'utf8').match(NAME));
    expect(known.filter((name) => !described.has(name))).toEqual([]);
    expect([...described].filter((name) => !known.includes(name) && !/^kassaflow_(app|owner|engine|login)$/.test(name))).toEqual([]);
  });

  test('work that was done is counted, and there are few series', async () => {
    const text = await scrape();
    for (const line of [
      'kassaflow_runs_finished_total{flow="observed",status="completed"} 1',
      'kassaflow_leases{state="live"} 1',
      'kassaflow_steps_in_doubt 0',
      'kassaflow_timers_due 0',
    ])
      expect(text).toContain(line);
    expect(text).toMatch(/kassaflow_flush_duration_seconds_count [1-9]/);
    // A hundred flows add a handful each: started, four ways to end, and attention by three reasons.
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    expect(series + 100 * 8).toBeLessThan(5_000);
  });
});
