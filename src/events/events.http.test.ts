import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { newId, newUuid } from '../kernel/ids.ts';
import type { GrantedScope } from '../platform/auth/scopes.ts';
import { Database } from '../platform/database/transaction.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { EventLog } from './event-log.ts';
import { eventsApp, type EventsApp } from './events.test-support.ts';
import { SubjectReaders } from './subject-readers.ts';

let its: EventsApp;
let db: TestDatabase;
let app: NestFastifyApplication;
let key: string;

beforeAll(async () => {
  its = await eventsApp();
  ({ db, app } = its);
  key = await keyOf(db.tenantId, '*');
}, 60_000);
afterAll(() => its.close());

const keyOf = (tenantId: string, ...scopes: GrantedScope[]) => its.keyOf(tenantId, ...scopes);
const stream: EventsApp['stream'] = (...parameters) => its.stream(...parameters);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Record<string, unknown> & { items?: Record<string, unknown>[] };
}

async function send(payload: unknown, type = 'application/cloudevents+json', secret = key): Promise<Answer> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/events',
    payload: text,
    headers: { authorization: `Bearer ${secret}`, 'content-type': type },
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

async function get(url: string, secret = key): Promise<Answer> {
  const answer = await app.inject({ url, headers: { authorization: `Bearer ${secret}` } });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

const sendBatch = (items: unknown) => send(items, 'application/cloudevents-batch+json');
const count = async () => Number((await db.ownerPool.query<{ n: string }>('select count(*) as n from event')).rows[0]?.n);
const event = (change: object = {}) => ({
  specversion: '1.0',
  id: newUuid(),
  source: '/shop',
  type: 'custom.sent',
  data: { n: 1 },
  ...change,
});
const without = (name: string) => Object.fromEntries(Object.entries(event()).filter(([key]) => key !== name));
const daysFromNow = (days: number) => new Date(systemClock.now().getTime() + days * 86_400_000).toISOString();

describe('POST /v1/events refuses, and stores nothing', () => {
  test.each<[row: string, what: string, payload: unknown, status: number, code: string, pointer: string | null]>([
    ['A01', 'an empty body', '', 400, 'request.body-empty', null],
    ['A02', 'a body that was cut off', '{"type":', 400, 'request.syntax', null],
    ['A03', 'a list sent as one event', [], 400, 'request.not-an-object', null],
    ['A06', 'a file that is to be read here', event({ files: { x: { filepath: '/etc/passwd' } } }), 422, 'request.unknown-field', '/files'],
    [
      'A13',
      'a key that occurs twice',
      '{"specversion":"1.0","data":{"amount":"1.00","amount":"999.00"}}',
      422,
      'request.duplicate-key',
      '/data/amount',
    ],
    ['A14', 'a key that reaches a prototype', '{"data":{"__proto__":{"admin":true}}}', 422, 'request.forbidden-key', '/data/__proto__'],
    ['A18', 'a text with U+0000', event({ data: { text: 'a\0b' } }), 422, 'request.nul-character', '/data/text'],
    ['A19', 'half a character', '{"data":{"text":"\\ud800"}}', 422, 'request.lone-surrogate', '/data/text'],
    ['A20', 'an event without a type', without('type'), 422, 'request.required', '/type'],
    ['A21', 'a type with a typing mistake', event({ type: 'payment.complete' }), 422, 'events.unknown-type', '/type'],
    ['A22', 'a type that is a number', event({ type: 42 }), 422, 'request.type', '/type'],
    ['A23', 'a field that there is not', event({ datta: {} }), 422, 'request.unknown-field', '/datta'],
    ['A24', 'an event without an id', without('id'), 422, 'request.required', '/id'],
    ['A25', 'an id of 256 characters', event({ id: 'x'.repeat(256) }), 422, 'request.format', '/id'],
    ['A25', 'an id with a space', event({ id: 'a b' }), 422, 'request.format', '/id'],
    ['A25', 'an id with a dot', event({ id: 'a.b' }), 422, 'request.format', '/id'],
    ['A29', 'a time one day ahead', event({ time: daysFromNow(1) }), 422, 'events.time-future', '/time'],
    ['A30', 'a time 400 days ago', event({ time: daysFromNow(-400) }), 422, 'events.time-too-old', '/time'],
    ['A32', 'a tenant in the body', event({ tenant: newUuid() }), 422, 'request.unknown-field', '/tenant'],
    [
      'A44',
      'a card number in free text',
      event({ data: { text: 'paid with 4111 1111 1111 1111' } }),
      422,
      'request.card-number',
      '/data/text',
    ],
    ['–', 'a money event from a portal', event({ type: 'com.kassaflow.payment.completed.v1' }), 403, 'events.reserved-type', null],
    [
      '–',
      'usage of a quantity in words',
      event({ type: 'usage.recorded', data: { usage: { customer: 'c', meter: 'm', quantity: 'ten' } } }),
      422,
      'request.type',
      '/data/usage/quantity',
    ],
  ])('%s %s', async (_row, _what, payload, status, code, pointer) => {
    const before = await count();
    const answer = await send(payload);
    expect(answer).toMatchObject({ status, body: { status, code, type: `urn:kassaflow:error:${code}` } });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    if (pointer !== null) expect(answer.body).toMatchObject({ errors: [expect.objectContaining({ pointer })] });
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|4111/);
    expect(await count()).toBe(before);
  });

  test('A21 and says which type was probably meant', async () => {
    expect((await send(event({ type: 'payment.complete' }))).body).toMatchObject({
      errors: [{ help: 'Did you mean "payment.completed"?' }],
    });
  });

  test('A34 what a key without the scope sends', async () => {
    const before = await count();
    expect(await send(event(), 'application/json', await keyOf(db.tenantId, 'events:read'))).toMatchObject({
      status: 403,
      body: { code: 'auth.scope-required' },
    });
    expect(await count()).toBe(before);
  });

  test('A40 a batch of 501', async () => {
    const before = await count();
    expect(await sendBatch(Array.from({ length: 501 }, () => event()))).toMatchObject({
      status: 422,
      body: { code: 'events.batch-too-large' },
    });
    expect(await count()).toBe(before);
  });

  test('one event sent as a batch', async () => {
    expect(await sendBatch(event())).toMatchObject({ status: 422, body: { code: 'request.type' } });
  });
});

describe('POST /v1/events takes in', () => {
  test('an event, which can be read back by the id in the answer', async () => {
    const sent = event({ subject: 'customer/4711', time: '2026-11-20T10:00:00Z', data: { name: 'Zoë' } });
    const { status, body } = await send({ ...sent, time: daysFromNow(0) });
    expect({ status, body }).toEqual({ status: 202, body: { id: expect.stringMatching(/^evt_/), duplicate: false } });
    expect((await get(`/v1/events/${String(body['id'])}`)).body).toMatchObject({
      specversion: '1.0',
      id: sent.id,
      source: '/shop',
      type: 'com.kassaflow.custom.sent.v1',
      subject: 'customer/4711',
      data: { name: 'Zoë' },
      eventid: body['id'],
    });
  });

  test('A26 the same again as a duplicate, A27 and another under its id not at all', async () => {
    const sent = event();
    const { body } = await send(sent);
    expect(await send(sent, 'application/json')).toMatchObject({ status: 200, body: { id: body['id'], duplicate: true } });
    const before = await count();
    expect(await send({ ...sent, data: { n: 2 } })).toMatchObject({ status: 409, body: { code: 'events.id-reused' } });
    expect(await count()).toBe(before);
  });

  test('A40 the good ones of a batch, and says of each what became of it', async () => {
    const [first, repeated] = [event(), event()];
    await send(repeated);
    const before = await count();
    const { status, body } = await sendBatch([first, repeated, event({ id: 'a b' }), event({ type: 'payment.complete' })]);
    expect(status).toBe(207);
    expect(body.items).toEqual([
      { status: 202, id: expect.stringMatching(/^evt_/), duplicate: false },
      { status: 200, id: expect.stringMatching(/^evt_/), duplicate: true },
      expect.objectContaining({ status: 422, code: 'request.format' }),
      expect.objectContaining({ status: 422, code: 'events.unknown-type' }),
    ]);
    expect(await count()).toBe(before + 1);
  });

  test('each event is counted once: when it is recorded, or when it is refused; a repeat is neither', async () => {
    const counted = async () => {
      const text = await app.get(Metrics).text();
      const sum = (name: string, label = '') =>
        [...text.matchAll(new RegExp(`^kassaflow_events_${name}_total\\{[^}]*${label}[^}]*\\} (\\d+)$`, 'gm'))].reduce(
          (all, [, n]) => all + Number(n),
          0,
        );
      return [sum('accepted'), sum('accepted', 'custom'), sum('refused'), sum('refused', 'id-reused')];
    };
    const before = await counted();
    const sent = event();
    await send(sent);
    await send(sent);
    await send({ ...sent, data: { n: 2 } });
    await sendBatch([event(), sent, event(), event({ type: 'payment.complete' })]);
    expect((await counted()).map((now, at) => now - (before[at] ?? 0))).toEqual([3, 3, 2, 1]);
  });

  test('500 events in the order in which they came', async () => {
    const tenant = await db.addTenant('batch');
    const items = Array.from({ length: 500 }, (_, n) => event({ data: { n } }));
    const secret = await keyOf(tenant, '*');
    expect(await send(items, 'application/cloudevents-batch+json', secret)).toMatchObject({ status: 202 });
    const { rows } = await db.ownerPool.query<{ n: number }>(
      `select (data ->> 'n')::int as n from event where tenant_id = $1 order by seq`,
      [tenant],
    );
    expect(rows.map(({ n }) => n)).toEqual(items.map((_, n) => n));
  });
});

describe('reading events', () => {
  test('comes in pages, newest first, of the tenant that asks', async () => {
    const tenant = await db.addTenant('reading');
    const secret = await keyOf(tenant, '*');
    for (let n = 1; n <= 5; n += 1)
      await send(event({ data: { n }, type: n === 3 ? 'custom.third' : 'custom.sent' }), 'application/json', secret);
    await db.allShown();
    const pages: unknown[][] = [];
    for (let url: string | undefined = '/v1/events?limit=2'; url !== undefined;) {
      const { body, headers }: Answer = await get(url, secret);
      pages.push((body.items ?? []).map(({ data }) => Reflect.get(Object(data), 'n')));
      const next: unknown = body['nextCursor'];
      if (typeof next === 'string') expect(headers['link']).toContain('rel="next"');
      url = typeof next === 'string' ? `/v1/events?limit=2&cursor=${next}` : undefined;
    }
    expect(pages).toEqual([[5, 4], [3, 2], [1]]);
    expect((await get('/v1/events?type=custom.third', secret)).body.items).toHaveLength(1);
    expect((await get('/v1/events', await keyOf(await db.addTenant('nobody'), '*'))).body.items).toEqual([]);
  });

  test('A41 of another tenant is answered as if it did not exist', async () => {
    const { body } = await send(event());
    const secret = await keyOf(await db.addTenant('passer-by'), '*');
    const [foreign, missing] = [await get(`/v1/events/${String(body['id'])}`, secret), await get(`/v1/events/${newId('evt')}`, secret)];
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...missing.body, requestId: '' });
  });

  test('starts with a catalogue of types, each with its schema and an example', async () => {
    const { body } = await get('/v1/event-types');
    expect(body.items).toContainEqual(
      expect.objectContaining({
        name: 'payment.completed',
        type: 'com.kassaflow.payment.completed.v1',
        sentBy: 'kassaflow',
        schema: expect.objectContaining({ type: 'object' }),
      }),
    );
  });
});

test('the metrics name every subscriber that stands still', async () => {
  expect(await app.get(Metrics).text()).toContain('# TYPE kassaflow_subscriber_failures gauge');
});

describe('GET /v1/stream', () => {
  test('gives events as they are recorded, and after a broken connection what was missed', async () => {
    const tenant = await db.addTenant('streaming');
    const secret = await keyOf(tenant, '*');
    const first = await stream('', secret);
    const sendNumber = (n: number) => send(event({ data: { n } }), 'application/json', secret);
    await sendNumber(1);
    await app.get(Database).transact(tenant, (tx) => app.get(EventLog).append(tx, { type: 'custom.own', subject: '', data: { n: 2 } }));
    await send(event());
    await until(
      () => first.numbers().length >= 2,
      () => first.text(),
    );
    first.close();
    await sendNumber(3);
    await sendNumber(4);
    const second = await stream('', secret, first.lastId());
    await sendNumber(5);
    await until(
      () => second.numbers().length >= 3,
      () => second.text(),
    );
    expect([first.numbers(), second.numbers()]).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    second.close();
  });

  test('gives only the types and the subject that were asked for', async () => {
    const secret = await keyOf(await db.addTenant('choosy'), '*');
    const open = await stream('?type=custom.a,custom.b&subject=order/1', secret);
    const wanted = [
      ['custom.a', 'order/1'],
      ['custom.c', 'order/1'],
      ['custom.b', 'order/2'],
      ['custom.b', 'order/1'],
    ] as const;
    for (const [n, [type, subject]] of wanted.entries()) await send(event({ type, subject, data: { n } }), 'application/json', secret);
    await until(
      () => open.numbers().length >= 2,
      () => open.text(),
    );
    expect(open.numbers()).toEqual([0, 3]);
    open.close();
  });

  test('refuses a position that is none, and a key without the scope', async () => {
    const headers = { authorization: `Bearer ${key}`, 'last-event-id': 'yesterday' };
    expect((await app.inject({ url: '/v1/stream', headers })).json()).toMatchObject({ status: 422, code: 'request.format' });
    expect(await get('/v1/stream', await keyOf(db.tenantId, 'events:read'))).toMatchObject({ status: 403 });
  });
});

describe('GET /v1/payments/{id}/events', () => {
  test('gives the state, then what happens to this payment alone, and after a broken connection what was missed', async () => {
    const tenant = await db.addTenant('following');
    const secret = await keyOf(tenant, 'payments:read');
    const [id, other] = [newId('pay'), newId('pay')];
    app.get(SubjectReaders).offer('payment', (asked, ids) => {
      return Promise.resolve(new Map(asked === tenant && ids.includes(id) ? [[id, { id, status: 'pending' }]] : []));
    });
    const happens = (about: string, n: number) =>
      app
        .get(Database)
        .transact(tenant, (tx) => app.get(EventLog).append(tx, { type: 'custom.own', subject: `payment/${about}`, data: { n } }));
    await happens(id, 0);
    const path = `/v1/payments/${id}/events`;
    const first = await stream('', secret, undefined, path);
    await until(
      () => first.text().includes('event: state'),
      () => first.text(),
    );
    expect(first.text()).toContain(`data: {"payment":{"id":"${id}","status":"pending"}}`);
    await happens(other, 1);
    await happens(id, 2);
    await until(
      () => first.text().includes('"n":2'),
      () => first.text(),
    );
    expect(first.text()).not.toMatch(/"n":[01]/);
    first.close();
    await happens(id, 3);
    const second = await stream('', secret, first.lastId(), path);
    await until(
      () => second.numbers().length > 0,
      () => second.text(),
    );
    expect(second.numbers()).toEqual([3]);
    expect(second.text()).not.toContain('event: state');
    second.close();

    // A backup was restored: the log has not come so far, and nobody is to wait until it does.
    const third = await stream('', secret, (2n ** 62n).toString(), path);
    await until(
      () => third.text().includes('event: state'),
      () => third.text(),
    );
    await happens(id, 4);
    await until(
      () => third.text().includes('"n":4'),
      () => third.text(),
    );
    expect(third.text()).not.toMatch(/"n":[0-3]/);
    third.close();

    const stranger = await keyOf(await db.addTenant('stranger'), '*');
    expect(await get(path, stranger)).toMatchObject({ status: 404, body: { code: 'id.format' } });
    expect(await get(`/v1/payments/${other}/events`, secret)).toMatchObject({ status: 404 });
    expect(await get(`/v1/orders/${newId('ord')}/events`, secret)).toMatchObject({ status: 403 });
  });
});
