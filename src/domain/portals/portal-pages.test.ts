/** Pages of portals in a browser, and what they may read with a stream token. */
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '../../kernel/ids.ts';
import { ApiKeys } from '../../platform/auth/api-keys.ts';
import { StreamTokens } from '../../platform/auth/stream-tokens.ts';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';

let http: DomainApp;
let url: string;
let payment: string;
let token: string;
beforeAll(async () => {
  http = await domainApp();
  await http.app.listen(0, '127.0.0.1');
  url = `http://127.0.0.1:${((http.app.getHttpServer() as Server).address() as AddressInfo).port}`;
  await http.send('PUT', '/v1/portal-origins', { origins: ['https://app.example'] });
  const wish = { amount: { amount: '12.50', currency: 'EUR' }, description: 'Tea', returnUrl: 'https://app.example/back' };
  payment = String((await http.send('POST', '/v1/payments', wish)).body['id']);
  token = await tokenAbout(`payment/${payment}`);
});
afterAll(() => http.close());

const tokenAbout = async (...about: string[]) => {
  const wanted = { purpose: 'follow', about, lifeMs: 60_000 } as const;
  return (await http.app.get(StreamTokens).issue(http.db.tenantId, wanted)).secret;
};
/** What a page of `origin` gets, and whether its browser lets it read that. */
const asked = async (path: string, origin: string, secret: string, method = 'GET') => {
  const stopping = new AbortController();
  const headers = { origin, ...(method === 'GET' && { authorization: `Bearer ${secret}` }) };
  const answer = await fetch(url + path, { method, headers, signal: stopping.signal });
  const seen = { status: answer.status, readable: answer.headers.get('access-control-allow-origin'), headers: answer.headers };
  stopping.abort();
  return seen;
};
const portal = 'https://app.example';
const stream = () => `/v1/payments/${payment}/events`;

describe('a page of a listed portal', () => {
  test.each(['/v1/stream', '/v1/payments/x/events', '/v1/payment-requests/x/events', '/v1/orders/x/events', '/v1/invoices/x/events'])(
    'may ask for %s with a token in its Authorization',
    async (path) => {
      const { status, readable, headers } = await asked(path, portal, '', 'OPTIONS');
      expect([status, readable, headers.get('access-control-allow-methods')]).toEqual([204, '*', 'GET']);
      expect(headers.get('access-control-allow-headers')).toBe('authorization, content-type, last-event-id');
      expect(headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  test('reads the stream of what its token is for, and also why another is refused', async () => {
    expect(await asked(stream(), portal, token)).toMatchObject({ status: 200, readable: portal });
    expect(await asked('/v1/stream', portal, token)).toMatchObject({ status: 200, readable: portal });
    expect(await asked(`/v1/payments/${newId('pay')}/events`, portal, token)).toMatchObject({ status: 403, readable: portal });
    const gone = newId('pay');
    const other = await tokenAbout(`payment/${gone}`);
    expect(await asked(`/v1/payments/${gone}/events`, portal, other)).toMatchObject({ status: 404, readable: portal });
  });

  test('reads that its token is no good, to tell it from a line that is down', async () => {
    expect(await asked(stream(), portal, `${token}0`)).toMatchObject({ status: 401, readable: '*' });
  });

  test('is let read nothing with an API key, which has no place in a browser', async () => {
    const { secret } = await http.app.get(ApiKeys).create(http.db.tenantId, { name: 'careless', scopes: ['*'] }, 'test');
    expect(await asked(stream(), portal, secret)).toMatchObject({ status: 200, readable: null });
    expect(await asked('/v1/payments', portal, token)).toMatchObject({ status: 401, readable: null });
  });
});

describe('any other page', () => {
  test.each(['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'https://sub.app.example', 'null'])(
    'such as one of %s reads nothing, even with the token',
    async (origin) => {
      expect((await asked(stream(), origin, token)).readable).toBeNull();
      expect((await asked('/v1/stream', origin, token)).headers.get('vary')).toContain('origin');
    },
  );

  test('of another tenant’s portal reads nothing either', async () => {
    const other = await http.db.addTenant('other');
    const insert = 'insert into portal_origin (tenant_id, origin, created_at) values ($1, $2, now())';
    await http.db.ownerPool.query(insert, [other, 'https://their.example']);
    expect((await asked(stream(), 'https://their.example', token)).readable).toBeNull();
  });
});
