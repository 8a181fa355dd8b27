import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { Metrics } from '../../platform/observability/metrics.ts';
import { until } from '../../../test/support/until.ts';
import { wants } from './event-types.ts';
import { bodyOf, messageOf, newSecret } from './message.ts';
import { outgoingApp, type OutgoingApp, type Received } from './outgoing.test-support.ts';
import { LONGEST_WAIT_MS, pauseAfter, PAUSES_MS, restAfter, retryAfterMs } from './retry-schedule.ts';

let its: OutgoingApp;
beforeEach(async () => {
  its = await outgoingApp();
});
afterEach(() => its.close());

const HOUR = 3_600_000;
const verified = (secret: string, { body, headers }: Received): unknown =>
  new Webhook(secret).verify(body, headers as Record<string, string>);
const isSignedWith = (secret: string, message: Received): boolean => {
  try {
    verified(secret, message);
    return true;
  } catch {
    return false;
  }
};

async function anEndpoint(change: object = {}, host = 1): Promise<{ id: string; secret: string }> {
  const { status, body } = await its.send('POST', '', { url: `https://portal-${host}.example/hook`, ...change });
  expect(status).toBe(201);
  return body as { id: string; secret: string };
}
const deliveriesOf = async (id: string, query = '') =>
  (await its.send('GET', `/${id}/deliveries${query}`)).body['items'] as {
    id: string;
    status: string;
    attempts: number;
    nextAt: string;
    problem: string;
  }[];
const gotten = () => its.portal.received.map(({ event }) => event.data?.n);

describe('an event', () => {
  test('reaches a portal signed as the official library verifies it, as a CloudEvent, once', async () => {
    const { secret } = await anEndpoint();
    await its.record('order/1', 1);
    await its.sendDue();
    await its.sendDue();
    const [message, ...more] = its.portal.received;
    expect(more).toEqual([]);
    if (!message) throw new Error('nothing came');
    expect(verified(secret, message)).toMatchObject({
      specversion: '1.0',
      type: 'com.kassaflow.custom.sent.v1',
      subject: 'order/1',
      data: { n: 1 },
    });
    expect(message.headers['webhook-id']).toBe(message.event.id);
    expect(message.headers['content-type']).toMatch(/^application\/cloudevents\+json/);
    expect(() => verified(secret, { ...message, body: message.body.replace('"n":1', '"n":2') })).toThrow('No matching signature');
  });

  test('goes to the endpoints that asked for its type, and to none before they were made', async () => {
    await its.record('order/1', 0);
    await anEndpoint({ types: ['custom.*'] }, 1);
    await anEndpoint({ types: ['invoice.paid'] }, 2);
    await anEndpoint({}, 3);
    await its.record('order/1', 1);
    await its.sendDue();
    expect(gotten()).toEqual([1, 1]);
    expect(its.portal.received.map(({ headers }) => headers.host ?? '').toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'portal-1.example',
      'portal-3.example',
    ]);
  });

  test('that is too large goes without its data and says where they are', async () => {
    await anEndpoint();
    await its.record('order/1', 1, 'custom.sent', { text: 'x'.repeat(30_000) });
    await its.sendDue();
    const [message] = its.portal.received;
    expect(message?.body.length).toBeLessThan(1_000);
    expect(message?.event).toMatchObject({ dataref: `https://kassaflow.example/v1/events/${message?.event.id ?? ''}` });
    expect(message?.event).not.toHaveProperty('data');
  });

  test('waits for those before it about the same subject, and for no others', async () => {
    await anEndpoint();
    its.portal.answers(({ event }) => (event.data?.n === 1 ? 500 : 200));
    for (const [n, subject] of ['a', 'a', 'b', ''].entries()) await its.record(subject === '' ? '' : `order/${subject}`, n + 1);
    await its.sendDue();
    expect(new Set(gotten())).toEqual(new Set([1, 3, 4]));
    its.portal.answers(() => 200);
    its.clock.advance(7_000);
    await its.sendDue();
    expect(gotten().slice(3)).toEqual([1, 2]);
  });
});

const eventsAbout = async (endpoint: string) =>
  (
    await its.db.ownerPool.query<{ type: string; data: unknown }>('select type, data from event where subject = $1 order by seq', [
      `webhook-endpoint/${endpoint}`,
    ])
  ).rows;

describe('a delivery that is not taken', () => {
  test('is sent again by the schedule under the same id, and is a dead letter after three days; a replay brings it', async () => {
    const { id, secret } = await anEndpoint();
    its.portal.answers(() => 500);
    await its.record('order/1', 1);
    await its.sendDue();
    for (const pause of PAUSES_MS) {
      its.clock.advance(pause - 1);
      const before = its.portal.received.length;
      await its.sendDue();
      expect(its.portal.received).toHaveLength(before);
      its.clock.advance(pause / 5 + 2);
      await its.sendDue();
      expect(its.portal.received).toHaveLength(before + 1);
    }
    expect(new Set(its.portal.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const [dead] = await deliveriesOf(id, '?status=dead');
    expect(dead).toMatchObject({ status: 'dead', attempts: 10, nextAt: null, problem: 'The portal answered 500' });
    expect((await its.send('GET', `/${id}`)).body).toMatchObject({ pending: 0, dead: 1, failures: 10 });
    its.clock.advance(HOUR);
    expect(await its.sendDue()).toBe(0);
    const metrics = await its.app.get(Metrics).registry.metrics();
    expect(metrics).toContain('kassaflow_webhooks_sent_total{result="dead"} 1');
    expect(metrics).toContain('kassaflow_outgoing_webhooks_dead 1');
    expect(await eventsAbout(id)).toEqual([
      {
        type: 'webhook-endpoint.dead-letter',
        data: {
          endpoint: expect.objectContaining({ id, host: 'portal-1.example' }),
          delivery: expect.objectContaining({ id: dead?.id, type: 'custom.sent', subject: 'order/1', attempts: 10 }),
        },
      },
    ]);

    its.portal.answers(() => 200);
    expect((await its.send('POST', `/${id}/deliveries/${dead?.id ?? ''}/replay`)).body).toMatchObject({ status: 'pending' });
    await its.sendDue();
    expect((await its.send('GET', `/${id}/deliveries/${dead?.id ?? ''}`)).body).toMatchObject({
      status: 'delivered',
      attempts: 11,
      log: [{ number: 11, answered: 200 }, ...Array.from({ length: 10 }, (_, index) => ({ number: 10 - index, answered: 500 }))],
    });
    expect((await its.send('GET', `/${id}`)).body).toMatchObject({ pending: 0, dead: 0, failures: 0, heldUntil: null });
    expect(isSignedWith(secret, its.portal.received[0] as Received)).toBe(true);
  });

  test('waits for as long as the portal asks', async () => {
    const { id } = await anEndpoint();
    its.portal.answers(() => ({ status: 429, headers: { 'retry-after': '3600' } }));
    await its.record('order/1', 1);
    await its.sendDue();
    const [waiting] = await deliveriesOf(id, '?status=pending');
    expect(Date.parse(waiting?.nextAt ?? '') - its.clock.now().getTime()).toBe(HOUR);
  });

  test('of an endpoint that answers 410 stays, and the endpoint is left alone until it is made active again', async () => {
    const { id } = await anEndpoint();
    its.portal.answers(() => 410);
    await its.record('order/1', 1);
    await its.sendDue();
    await its.record('order/1', 2);
    its.clock.advance(HOUR);
    expect(await its.sendDue()).toBe(0);
    expect((await its.send('GET', `/${id}`)).body).toMatchObject({
      status: 'disabled',
      pending: 1,
      problem: expect.stringContaining('410'),
    });
    expect(await eventsAbout(id)).toMatchObject([{ type: 'webhook-endpoint.disabled', data: { problem: expect.stringContaining('410') } }]);
    its.portal.answers(() => 200);
    expect((await its.send('PATCH', `/${id}`, { status: 'active' })).body).toMatchObject({ status: 'active', problem: null });
    await its.sendDue();
    expect(gotten()).toEqual([1, 1, 2]);
  });

  test('of a redirect is not followed: the new address was never asked for by anybody', async () => {
    const { id } = await anEndpoint();
    its.portal.answers(() => ({ status: 302, headers: { location: 'https://portal-2.example/elsewhere' } }));
    await its.record('order/1', 1);
    await its.sendDue();
    expect(its.portal.received).toHaveLength(1);
    expect(await deliveriesOf(id)).toMatchObject([{ status: 'pending', problem: 'The portal answered 302' }]);
  });

  test('makes an endpoint that is down be asked by one delivery at a time, after a rest', async () => {
    await anEndpoint();
    its.portal.answers(() => 503);
    for (let n = 0; n < 40; n += 1) await its.record(`order/${n}`, n);
    await its.sendDue();
    // The burst that found it out, and nothing more.
    expect(its.portal.received).toHaveLength(8);
    its.clock.advance(restAfter(8));
    await its.sendDue();
    expect(its.portal.received).toHaveLength(9);
    its.portal.answers(() => 200);
    its.clock.advance(HOUR);
    await its.sendDue();
    expect(new Set(gotten()).size).toBe(40);
  });
});

describe('several', () => {
  test('endpoints do not wait for one that never answers', async () => {
    await anEndpoint({}, 1);
    await anEndpoint({}, 2);
    its.portal.answers(({ headers }) => (headers.host === 'portal-1.example' ? 'never' : 200));
    for (let n = 0; n < 20; n += 1) await its.record(`order/${n}`, n);
    const fast = () => its.portal.received.filter(({ headers }) => headers.host === 'portal-2.example').length;
    // The slow one has its eight places; the other goes on with each look.
    await until(
      async () => {
        await its.sweep();
        return fast() === 20;
      },
      () => `only ${fast()} of 20 came`,
    );
    expect(its.portal.received.length - fast()).toBe(8);
  });

  test('processes share the work: each event comes once, and those of a subject in order', async () => {
    await anEndpoint();
    const others = await Promise.all([its.another(), its.another()]);
    for (let n = 0; n < 60; n += 1) await its.record(`order/${n % 5}`, n);
    await until(
      async () => {
        await Promise.all([its.sendDue(), ...others.map(({ sendDue }) => sendDue())]);
        return its.portal.received.length >= 60;
      },
      () => `only ${its.portal.received.length} came`,
    );
    await Promise.all(others.map(({ close }) => close()));
    expect(its.portal.received).toHaveLength(60);
    for (let subject = 0; subject < 5; subject += 1) {
      const mine = gotten().filter((n) => n !== undefined && n % 5 === subject);
      expect(mine).toEqual(mine.toSorted((a = 0, b = 0) => a - b));
    }
  });

  test('events of one subject arrive in order whatever the portal answers, and each at least once', async () => {
    await anEndpoint();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 0, max: 6 }),
        async (subjects, refusals) => {
          its.portal.received.length = 0;
          const asked = new Map<number, number>();
          const taken: [string, number][] = [];
          its.portal.answers(({ event }) => {
            const n = event.data?.n ?? -1;
            asked.set(n, (asked.get(n) ?? 0) + 1);
            // Each is refused so often, which is less often than makes a dead letter.
            if ((asked.get(n) ?? 0) <= refusals) return 500;
            taken.push([event.subject ?? '', n]);
            return 200;
          });
          for (const [n, subject] of subjects.entries()) await its.record(`order/${subject}`, n);
          for (let round = 0; round < 300 && taken.length < subjects.length; round += 1) {
            await its.sendDue();
            its.clock.advance(HOUR);
          }
          const expected = (subject: number) => subjects.flatMap((one, n) => (one === subject ? [n] : []));
          for (const subject of new Set(subjects))
            expect(taken.filter(([about]) => about === `order/${subject}`).map(([, n]) => n)).toEqual(expected(subject));
        },
      ),
      { numRuns: 12 },
    );
  }, 60_000);
});

describe('a person', () => {
  test('changes the secret: both sign for a while, then the new one alone', async () => {
    const { id, secret } = await anEndpoint();
    const { body } = await its.send('POST', `/${id}/rotate-secret`, { overlapHours: 1 });
    await its.record('order/1', 1);
    await its.sendDue();
    its.clock.advance(HOUR);
    await its.record('order/1', 2);
    await its.sendDue();
    const [during, after] = its.portal.received;
    const signatures = (message: Received | undefined) => String(message?.headers['webhook-signature']).split(' ').length;
    expect([signatures(during), signatures(after)]).toEqual([2, 1]);
    expect([isSignedWith(secret, during as Received), isSignedWith(String(body['secret']), during as Received)]).toEqual([true, true]);
    expect(String(body['secret'])).toMatch(/^whsec_/);
    const { rows } = await its.db.ownerPool.query<{ all: string }>(
      "select encode(secret, 'escape') || encode(old_secret, 'escape') as all from webhook_endpoint",
    );
    expect(rows[0]?.all).not.toContain(secret.slice(6, 20));
  });

  test('sends a range again, with what was delivered and what was before the endpoint', async () => {
    const since = its.clock.now().toISOString();
    await its.record('order/1', 0);
    const { id } = await anEndpoint();
    await its.record('order/1', 1);
    await its.sendDue();
    its.clock.advance(1_000);
    expect((await its.send('POST', `/${id}/replay`, { since })).body).toEqual({ replayed: 0, nextSince: null });
    expect((await its.send('POST', `/${id}/replay`, { since, status: 'all' })).body).toEqual({ replayed: 2, nextSince: null });
    await its.sendDue();
    expect(gotten()).toEqual([1, 0, 1]);
  });

  test('tries an endpoint out, and reads what it answered', async () => {
    const { id, secret } = await anEndpoint();
    its.portal.answers(() => 418);
    expect((await its.send('POST', `/${id}/test`, { type: 'invoice.paid' })).body).toMatchObject({ delivered: false, answered: 418 });
    expect(verified(secret, its.portal.received[0] as Received)).toMatchObject({
      kassaflowtest: true,
      type: 'com.kassaflow.invoice.paid.v1',
    });
    expect((await its.send('POST', `/${id}/test`, { type: 'invoice.payed' })).body).toMatchObject({ code: 'events.unknown-type' });
  });

  test('pauses an endpoint, which then misses nothing, and deletes one, which then gets nothing', async () => {
    const { id } = await anEndpoint();
    await its.send('PATCH', `/${id}`, { status: 'paused' });
    await its.record('order/1', 1);
    expect(await its.sendDue()).toBe(0);
    await its.send('PATCH', `/${id}`, { status: 'active' });
    await its.sendDue();
    expect(gotten()).toEqual([1]);
    expect((await its.send('DELETE', `/${id}`)).status).toBe(204);
    await its.record('order/1', 2);
    expect(await its.sendDue()).toBe(0);
    expect((await its.send('GET', `/${id}`)).status).toBe(404);
    // The address is free again.
    await anEndpoint();
  });

  test.each([
    ['http://portal-1.example/', 'egress.scheme'],
    ['https://127.0.0.1/', 'egress.private-address'],
    ['https://169.254.169.254/latest/meta-data', 'egress.private-address'],
    ['https://[::ffff:10.0.0.1]/', 'egress.private-address'],
    ['https://user:pass@portal.example/', 'egress.credentials'],
    ['https://portal.example:6379/', 'egress.port'],
    ['portal.example', 'egress.address'],
  ])('cannot make %s an endpoint: %s', async (url, code) => {
    expect(await its.send('POST', '', { url })).toMatchObject({ status: 422, body: { code } });
  });

  test('is told which event type there is not, and that an address is taken', async () => {
    expect(
      (await its.send('POST', '', { url: 'https://portal-1.example/', types: ['payment.*', 'payment.complete', 'nothing.*'] })).body,
    ).toMatchObject({
      code: 'webhook-endpoint.unknown-type',
      errors: [{ pointer: '/types/1', help: 'Did you mean "payment.completed"?' }, { pointer: '/types/2' }],
    });
    await anEndpoint();
    expect(await its.send('POST', '', { url: 'https://portal-1.example:443/hook#x' })).toMatchObject({
      status: 409,
      body: { code: 'webhook-endpoint.url-taken' },
    });
  });
});

describe('the schedule', () => {
  test('takes three days and more, adds up to a fifth, and hears Retry-After up to a day', () => {
    expect(PAUSES_MS.reduce((sum, pause) => sum + pause, 0)).toBeGreaterThan(72 * HOUR);
    expect(pauseAfter(1, 0)).toBe(5_000);
    expect(pauseAfter(1, 1)).toBe(6_000);
    expect(pauseAfter(1, 0, 60_000)).toBe(60_000);
    expect(pauseAfter(1, 0, 30 * LONGEST_WAIT_MS)).toBe(LONGEST_WAIT_MS);
    expect(pauseAfter(10, 0)).toBeUndefined();
    const now = new Date('2026-11-21T10:00:00Z');
    expect([
      retryAfterMs('120', now),
      retryAfterMs('Sat, 21 Nov 2026 10:05:00 GMT', now),
      retryAfterMs('soon', now),
      retryAfterMs(undefined, now),
    ]).toEqual([120_000, 300_000, 0, 0]);
  });

  test('a group of types is those that begin with its name and a dot', () => {
    expect([
      wants([], 'a.b'),
      wants(['payment.*'], 'payment.failed'),
      wants(['payment.*'], 'payment-request.paid'),
      wants(['a.b'], 'a.b.c'),
    ]).toEqual([true, true, false, false]);
  });

  test('any text is signed so that the official library takes it, with either secret, and no changed one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string(), (text, other) => {
        const event = {
          seq: 1n,
          id: '01932f60-0000-7000-8000-000000000000',
          tenantId: '',
          source: '/kassaflow',
          sourceId: 'evt_1',
          type: 'custom.a',
          subject: '',
        };
        const body = bodyOf({ ...event, occurredAt: new Date(0), data: { text } }, 'https://kassaflow.example');
        const secrets = [newSecret(), newSecret()];
        const { headers } = messageOf('evt_1', body, secrets, new Date());
        const named = Object.fromEntries(headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1] ?? '']] : [])));
        for (const secret of secrets) expect(new Webhook(secret).verify(body, named)).toMatchObject({ data: { text } });
        expect(() => new Webhook(newSecret()).verify(body, named)).toThrow();
        if (other !== '') expect(() => new Webhook(secrets[0] ?? '').verify(body + other, named)).toThrow();
      }),
      { numRuns: 200 },
    );
  });
});
