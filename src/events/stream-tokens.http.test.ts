import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { idOf, newId, newUuid, uuidOf } from '../kernel/ids.ts';
import { EndStreams } from '../platform/auth/end-streams.ts';
import { StreamTokens } from '../platform/auth/stream-tokens.ts';
import { Database } from '../platform/database/transaction.ts';
import { SseStreams } from '../platform/http/sse.ts';
import { until } from '../../test/support/until.ts';
import { EventLog } from './event-log.ts';
import { eventsApp, type EventsApp } from './events.test-support.ts';
import { SubjectReaders } from './subject-readers.ts';

/** A clock that a test can put forward. */
class TurnableClock implements Clock {
  ahead = 0;
  now(): Date {
    return new Date(systemClock.now().getTime() + this.ahead);
  }
  elapsed(): number {
    return systemClock.elapsed() + this.ahead;
  }
}

const clock = new TurnableClock();
let its: EventsApp;
let tenant: string;
let key: string;
let tenants = 0;
beforeAll(async () => {
  its = await eventsApp({ clock, streams: { perKey: 5, perToken: 2, perAddress: 4 } });
  its.app.get(SubjectReaders).offer('payment', (_, ids) => Promise.resolve(new Map(ids.map((id) => [id, { id, status: 'pending' }]))));
}, 60_000);
beforeEach(async () => {
  tenants += 1;
  tenant = await its.db.addTenant(`tokens-${tenants}`);
  key = await its.keyOf(tenant, '*');
});
afterAll(() => its.close(), 60_000);

const call = async (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object, secret = key, extra: object = {}) => {
  const headers = { authorization: `Bearer ${secret}`, ...extra };
  const answer = await its.app.inject({ method, url, headers, ...(payload && { payload }) });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
};
const tokenFor = async (...subjects: string[]) => {
  const { status, body } = await call('POST', '/v1/stream-tokens', { subjects });
  expect(status).toBe(201);
  return { id: String(body['id']), secret: String(body['secret']) };
};
const happens = (subject: string, n: number, at = tenant) =>
  its.app.get(Database).transact(at, (tx) => its.app.get(EventLog).append(tx, { type: 'custom.own', subject, data: { n } }));
const [mine, other] = [newId('pay'), newId('pay')];

describe('a stream token', () => {
  test('sees its subjects, single ones and kinds, and nothing else of the tenant or of another', async () => {
    const { secret } = await tokenFor(`payment/${mine}`, 'invoice/*');
    const open = await its.stream('', secret);
    await happens(`payment/${other}`, 1);
    await happens(`payment/${mine}`, 2);
    await happens('order/ord_1', 3);
    await happens('', 4);
    await happens(`payment/${mine}`, 5, await its.db.addTenant(`stranger-${tenants}`));
    await happens(`invoice/${newId('inv')}`, 6);
    await until(
      () => open.numbers().length >= 2,
      () => open.text(),
    );
    expect(open.numbers()).toEqual([2, 6]);
    open.close();
  });

  test('may ask for less than it is for, and never for more', async () => {
    const { secret } = await tokenFor(`payment/${mine}`, 'invoice/*');
    const ask = (subject: string) => call('GET', `/v1/stream?subject=${encodeURIComponent(subject)}`, undefined, secret);
    for (const subject of [`payment/${other}`, 'payment/*', 'order/*', `payment/${mine},order/*`, '*', '/*'])
      expect(await ask(subject)).toMatchObject({ status: 403, body: { code: 'auth.subject' } });
    expect(await call('GET', `/v1/payments/${other}/events`, undefined, secret)).toMatchObject({ status: 403 });
    const open = await its.stream(`?subject=payment/${mine}`, secret);
    await happens(`invoice/${newId('inv')}`, 1);
    await happens(`payment/${mine}`, 2);
    await until(
      () => open.numbers().length > 0,
      () => open.text(),
    );
    expect(open.numbers()).toEqual([2]);
    open.close();
  });

  test('opens the stream of its one payment, state first, and goes on from a position', async () => {
    const { secret } = await tokenFor(`payment/${mine}`);
    const path = `/v1/payments/${mine}/events`;
    const first = await its.stream('', secret, undefined, path);
    await until(
      () => first.text().includes('event: state'),
      () => first.text(),
    );
    first.close();
    await happens(`payment/${mine}`, 1);
    const second = await its.stream('', secret, first.lastId(), path);
    await until(
      () => second.numbers().length > 0,
      () => second.text(),
    );
    expect(second.numbers()).toEqual([1]);
    second.close();
  });

  test('opens nothing but streams, and is not read in an address', async () => {
    const { secret } = await tokenFor(`payment/${mine}`);
    for (const url of ['/v1/events', '/v1/stream-tokens', '/v1/api-keys'])
      expect(await call('GET', url, undefined, secret)).toMatchObject({ status: 401, body: { code: 'auth.stream-token' } });
    expect(await call('POST', '/v1/stream-tokens', { subjects: ['payment/*'] }, secret)).toMatchObject({ status: 401 });
    expect(await call('GET', `/v1/stream?token=${secret}`)).toMatchObject({ status: 400, body: { code: 'auth.key-in-url' } });
  });

  test('with any letter changed is unknown, as is one of no row', async () => {
    const { secret } = await tokenFor(`payment/${mine}`);
    for (const wrong of [`${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`, secret.replace('kfs_test', 'kfs_live'), 'kfs_'])
      expect(await call('GET', '/v1/stream', undefined, wrong)).toMatchObject({ status: 401, body: { code: 'auth.stream-token-unknown' } });
  });

  test('gives away nothing that its key may not read', async () => {
    const narrow = await its.keyOf(tenant, 'stream:read', 'invoices:read');
    const make = (...subjects: string[]) => call('POST', '/v1/stream-tokens', { subjects }, narrow);
    expect(await make('invoice/*')).toMatchObject({ status: 201 });
    expect(await make('invoice/*', `payment/${mine}`)).toMatchObject({ status: 403, body: { code: 'auth.too-many-scopes' } });
    expect(await make(`run/${newId('run')}`)).toMatchObject({ status: 403 });
    const none = await its.keyOf(tenant, 'payments:read');
    expect(await call('POST', '/v1/stream-tokens', { subjects: ['payment/*'] }, none)).toMatchObject({ status: 403 });
  });

  test.each([[[]], [['payment']], [['*']], [['payment/']], [['api-key/*']], [[`payment/${newId('inv')}`]], [['payment/%']]])(
    'for %j cannot be made',
    async (subjects) => {
      expect(await call('POST', '/v1/stream-tokens', { subjects })).toMatchObject({ status: 422 });
    },
  );

  test('is listed without its secret', async () => {
    const { id, secret } = await tokenFor(`payment/${mine}`);
    const { body } = await call('GET', '/v1/stream-tokens');
    expect(body['items']).toMatchObject([{ id, purpose: 'follow', subjects: [`payment/${mine}`], revokedAt: null }]);
    expect(JSON.stringify(body)).not.toContain(secret.slice(-72));
  });
});

describe('what a token has opened ends', () => {
  const opened = async () => {
    const token = await tokenFor('payment/*');
    return { ...token, open: await its.stream('', token.secret) };
  };
  const ends = (open: Awaited<ReturnType<typeof opened>>['open']) =>
    until(
      () => open.isOver(),
      () => `still open: ${open.text()}`,
    );

  test('at once when it is revoked, and it opens nothing more', async () => {
    const [{ id, secret, open }, other] = [await opened(), await opened()];
    expect(await call('DELETE', `/v1/stream-tokens/${id}`)).toMatchObject({ status: 200, body: { revokedAt: expect.any(String) } });
    await ends(open);
    expect(open.text()).toContain(': the credential is over');
    expect(other.open.isOver()).toBe(false);
    expect(await call('GET', '/v1/stream', undefined, secret)).toMatchObject({ status: 401, body: { code: 'auth.stream-token-over' } });
    other.open.close();
  });

  test('when another process has revoked it', async () => {
    const { id, open } = await opened();
    await its.db.ownerPool.query('update stream_token set revoked_at = now() where id = $1', [uuidOf('stk', id)]);
    await its.app.get(EndStreams).look();
    await ends(open);
  });

  test('when its time is over', async () => {
    const { secret, open } = await opened();
    clock.ahead += 1_800_000;
    await its.app.get(EndStreams).look();
    await ends(open);
    expect(await call('GET', '/v1/stream', undefined, secret)).toMatchObject({ status: 401 });
  });

  test('with the API key that made it, as does what the key has opened itself', async () => {
    const { body } = await call('POST', '/v1/api-keys', { name: 'short', scopes: ['*'] });
    const short = String(body['secret']);
    const token = String((await call('POST', '/v1/stream-tokens', { subjects: ['payment/*'] }, short)).body['secret']);
    const lines = [await its.stream('', short), await its.stream('', token)];
    expect(await call('DELETE', `/v1/api-keys/${String(body['id'])}`)).toMatchObject({ status: 200 });
    for (const line of lines) await ends(line);
  });

  test('but that of a checkout goes on', async () => {
    const about = [`checkout/${idOf('chk', newUuid())}`];
    const { secret } = await its.app.get(StreamTokens).issue(tenant, { purpose: 'checkout', about, lifeMs: 60_000 });
    const open = await its.stream('', secret);
    await its.app.get(EndStreams).look();
    expect(open.isOver()).toBe(false);
    open.close();
  });
});

describe('open streams', () => {
  const closed = () =>
    until(
      () => its.app.get(SseStreams).size === 0,
      () => 'a stream was not let go',
    );

  test('of one token, of one address and of one key are limited, each by itself', async () => {
    await closed();
    const [one, two, three] = [await tokenFor('payment/*'), await tokenFor('payment/*'), await tokenFor('payment/*')];
    const lines = [await its.stream('', one.secret), await its.stream('', one.secret)];
    expect(await call('GET', '/v1/stream', undefined, one.secret)).toMatchObject({
      status: 429,
      body: { code: 'request.too-many-streams' },
    });
    lines.push(await its.stream('', two.secret), await its.stream('', two.secret));
    expect(await call('GET', '/v1/stream', undefined, three.secret)).toMatchObject({
      status: 429,
      body: { detail: expect.stringContaining('(of: address, most: 4)') },
    });
    const ofKey = [];
    for (let n = 0; n < 5; n += 1) ofKey.push(await its.stream('', key));
    expect(await call('GET', '/v1/stream')).toMatchObject({
      status: 429,
      body: { code: 'request.too-many-streams', detail: expect.stringContaining('(of: API key, most: 5)') },
    });
    ofKey.push(await its.stream('', await its.keyOf(tenant, '*')));
    for (const line of [...lines, ...ofKey]) line.close();
    await closed();
    const again = await its.stream('', three.secret);
    again.close();
    await closed();
  });
});
