import { Controller, Get, Module } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { until } from '../../../test/support/until.ts';
import { systemClock, type Clock } from '../../kernel/clock.ts';
import { idOf, newUuid, uuidOf } from '../../kernel/ids.ts';
import { sampleApp, type SampleApp } from '../http/test-app/sample-app.ts';
import { newApiKeyText, readApiKeyText } from './api-key-text.ts';
import { ApiKeys } from './api-keys.ts';
import { DeclaredAccess } from './declared-access.ts';
import { allows, isGrantedScope, SCOPES, teamsOf } from './scopes.ts';
import { sameHash } from './secret-text.ts';

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
let sample: SampleApp;
let keys: ApiKeys;
beforeAll(async () => {
  sample = await sampleApp({ clock });
  keys = sample.app.get(ApiKeys);
});
afterAll(() => sample.close());

const get = (url: string, authorization?: string) =>
  sample.app.inject({ url, headers: authorization === undefined ? {} : { authorization } });
const codeOf = async (url: string, authorization?: string): Promise<unknown> =>
  (await get(url, authorization)).json<{ code?: string }>().code;

describe('the text of an API key', () => {
  test('is read back to the same id and hash, for any id', () => {
    fc.assert(
      fc.property(fc.constantFrom('test', 'live'), (mode) => {
        const id = newUuid();
        const { text, hash } = newApiKeyText(mode, id);
        const read = readApiKeyText(text);
        expect(read).toMatchObject({ mode, id: idOf('key', id) });
        expect(read && sameHash(read.hash, hash)).toBe(true);
      }),
    );
  });

  test('with any one character changed, missing or doubled is not a key', () => {
    const { text } = newApiKeyText('test', newUuid());
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('change', 'drop', 'double'), (at, how) => {
        const found = text.charAt(at);
        const other = how === 'change' ? (found === '0' ? '1' : '0') : how === 'drop' ? '' : found + found;
        expect(readApiKeyText(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined();
      }),
    );
  });
});

describe('a request', () => {
  test('with a good key gets the tenant of the key', async () => {
    const secret = await sample.key('events:read');
    expect((await get('/v1/samples/me', `Bearer ${secret}`)).json()).toMatchObject({
      tenantId: sample.db.tenantId,
      mode: 'test',
      scopes: ['events:read'],
    });
  });

  test.each([
    ['A33 without a key', undefined, 'auth.required'],
    ['A33 with an empty header', '', 'auth.required'],
    ['A33 with another scheme', 'Basic a2Y6', 'auth.format'],
    ['A33 with a key cut short', 'Bearer kf_test_01jd3k', 'auth.format'],
    ['A33 with two keys', `Bearer ${newApiKeyText('test', newUuid()).text} x`, 'auth.format'],
    ['A33 with a key of 10,000 characters', `Bearer kf_test_${'0'.repeat(10_000)}`, 'auth.format'],
    ['A33 with a key nobody made', `Bearer ${newApiKeyText('test', newUuid()).text}`, 'auth.unknown-key'],
  ])('%s is refused', async (_name, authorization, code) => {
    const answer = await get('/v1/samples/me', authorization);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([401, code]);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="kassaflow"');
  });

  test('with the id of a real key and another secret learns nothing about it, revoked or not', async () => {
    const { key } = await keys.create(sample.db.tenantId, { name: 'a', scopes: ['*'] }, 'test');
    await keys.revoke(sample.db.tenantId, key.id, 'test');
    const forged = newApiKeyText('test', uuidOf('key', key.id)).text;
    expect(await codeOf('/v1/samples/me', `Bearer ${forged}`)).toBe('auth.unknown-key');
  });

  test('A33 with a revoked key is refused at once', async () => {
    const { key, secret } = await keys.create(sample.db.tenantId, { name: 'a', scopes: ['*'] }, 'test');
    expect((await get('/v1/samples/me', `Bearer ${secret}`)).statusCode).toBe(200);
    await keys.revoke(sample.db.tenantId, key.id, 'test');
    expect(await codeOf('/v1/samples/me', `Bearer ${secret}`)).toBe('auth.revoked');
  });

  test('with a key revoked by another process is refused five seconds later', async () => {
    const { key, secret } = await keys.create(sample.db.tenantId, { name: 'a', scopes: ['*'] }, 'test');
    expect((await get('/v1/samples/me', `Bearer ${secret}`)).statusCode).toBe(200);
    await sample.db.ownerPool.query('update api_key set revoked_at = now() where id = $1', [uuidOf('key', key.id)]);
    clock.ahead += 5_001;
    expect(await codeOf('/v1/samples/me', `Bearer ${secret}`)).toBe('auth.revoked');
  });

  test('A33 with an expired key is refused', async () => {
    const expiresAt = new Date(clock.now().getTime() + 60_000);
    const { secret } = await keys.create(sample.db.tenantId, { name: 'a', scopes: ['*'], expiresAt }, 'test');
    expect((await get('/v1/samples/me', `Bearer ${secret}`)).statusCode).toBe(200);
    clock.ahead += 60_001;
    expect(await codeOf('/v1/samples/me', `Bearer ${secret}`)).toBe('auth.expired');
  });

  test('A34 without the scope is refused, and the answer names the scope', async () => {
    const answer = await get('/v1/samples/me', `Bearer ${await sample.key('events:write')}`);
    expect([answer.statusCode, answer.json()]).toMatchObject([
      403,
      { code: 'auth.scope-required', detail: expect.stringContaining('events:read') },
    ]);
  });

  test('A35 with a test key relabelled as live is refused', async () => {
    const { key } = await keys.create(sample.db.tenantId, { name: 'a', scopes: ['*'] }, 'test');
    const live = newApiKeyText('live', uuidOf('key', key.id));
    await sample.db.ownerPool.query('update api_key set secret_hash = $2 where id = $1', [uuidOf('key', key.id), live.hash]);
    const answer = await get('/v1/samples/me', `Bearer ${live.text}`);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'auth.mode-mismatch']);
  });

  test.each(['/v1/samples?key=kf_test_abc', '/v1/samples?a=1&kf%5flive%5Fabc', '/health/live?x=kf_live_abc'])(
    'A36 with a key in the address is refused: %s',
    async (url) => {
      const answer = await get(url, `Bearer ${await sample.key('*')}`);
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'auth.key-in-url']);
    },
  );

  test('on a hot key costs no query', async () => {
    const authorization = `Bearer ${await sample.key('events:read')}`;
    await get('/v1/samples/me', authorization);
    await sample.db.ownerPool.query('alter function find_api_key(uuid) rename to find_api_key_away');
    try {
      expect((await get('/v1/samples/me', authorization)).statusCode).toBe(200);
    } finally {
      await sample.db.ownerPool.query('alter function find_api_key_away(uuid) rename to find_api_key');
    }
  });

  test('leaves the time of last use on the key, at most once a minute', async () => {
    const { key, secret } = await keys.create(sample.db.tenantId, { name: 'a', scopes: ['*'] }, 'test');
    await get('/v1/samples/me', `Bearer ${secret}`);
    const first = await lastUse(key.id, null);
    clock.ahead += 10_000;
    await get('/v1/samples/me', `Bearer ${secret}`);
    clock.ahead += 60_000;
    await get('/v1/samples/me', `Bearer ${secret}`);
    const second = await lastUse(key.id, first);
    expect(second.getTime() - first.getTime()).toBeGreaterThanOrEqual(60_000);
  });
});

describe('/v1/api-keys', () => {
  const call = (method: 'GET' | 'POST' | 'DELETE', url: string, authorization: string, payload?: object) =>
    sample.app.inject({ method, url, headers: { authorization }, ...(payload && { payload }) });

  test('makes a key that works, shows it once, and ends it', async () => {
    const admin = `Bearer ${await sample.key('*')}`;
    const made = (await call('POST', '/v1/api-keys', admin, { name: 'portal', scopes: ['events:read'] })).json<{
      id: string;
      secret: string;
    }>();
    expect((await get('/v1/samples/me', `Bearer ${made.secret}`)).statusCode).toBe(200);
    const list = await call('GET', '/v1/api-keys?limit=200', admin);
    expect(list.json<{ items: { id: string }[] }>().items.map(({ id }) => id)).toContain(made.id);
    expect(list.body).not.toContain(made.secret.slice(-72));
    expect((await call('DELETE', `/v1/api-keys/${made.id}`, admin)).json()).toMatchObject({ revokedAt: expect.any(String) });
    expect(await codeOf('/v1/samples/me', `Bearer ${made.secret}`)).toBe('auth.revoked');
    const audit = await sample.db.ownerPool.query<{ action: string }>('select action from audit_entry where subject = $1 order by seq', [
      `api-key/${made.id}`,
    ]);
    expect(audit.rows.map(({ action }) => action)).toEqual(['api-key.create', 'api-key.revoke']);
  });

  test('gives away no scope that the caller does not hold', async () => {
    const some = `Bearer ${await sample.key('api-keys:write', 'events:read')}`;
    for (const scope of ['*', 'payments:write']) {
      expect((await call('POST', '/v1/api-keys', some, { name: 'x', scopes: [scope] })).json()).toMatchObject({
        code: 'auth.too-many-scopes',
        status: 403,
      });
    }
    expect((await call('POST', '/v1/api-keys', some, { name: 'x', scopes: ['events:read'] })).statusCode).toBe(201);
  });

  test("another tenant's key is not seen and cannot be ended; the answer is that of an id that does not exist", async () => {
    const other = await sample.db.addTenant('other');
    const { key, secret } = await keys.create(other, { name: 'theirs', scopes: ['events:read'] }, 'test');
    const admin = `Bearer ${await sample.key('*')}`;
    expect((await call('GET', '/v1/api-keys?limit=200', admin)).body).not.toContain(key.id);
    const foreign = await call('DELETE', `/v1/api-keys/${key.id}`, admin);
    expect([foreign.statusCode, foreign.json<{ code: string }>().code]).toEqual([404, 'api-key.not-found']);
    expect((await get('/v1/samples/me', `Bearer ${secret}`)).statusCode).toBe(200);
  });

  test('a dump of the database holds nothing that opens it', async () => {
    const secret = await sample.key('*');
    const { rows } = await sample.db.ownerPool.query<{ text: string }>('select k::text as text from api_key k');
    const dump = rows.map(({ text }) => text).join('\n');
    expect(dump).not.toContain(secret);
    expect(dump).not.toContain(secret.slice(35, 99));
    expect(sample.logged.join('\n')).not.toContain(secret.slice(35, 99));
  });
});

describe('access to routes', () => {
  test('each scope opens what names it and nothing else', () => {
    for (const held of SCOPES) for (const wanted of SCOPES) expect(allows([held], wanted)).toBe(held === wanted);
    for (const wanted of SCOPES) expect([allows(['*'], wanted), allows([], wanted)]).toEqual([true, false]);
  });

  test('a team opens no route, and a key gives away only teams that it is in', () => {
    for (const wanted of SCOPES) expect(allows(['team:finance'], wanted)).toBe(false);
    expect([allows(['team:finance'], 'team:finance'), allows(['team:finance'], 'team:sales')]).toEqual([true, false]);
    expect(['team:finance', 'team:', 'team:Finance', 'team:a b', 'team:finance:x'].map(isGrantedScope)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect([teamsOf(['runs:write', 'team:finance', 'team:till']), teamsOf(['runs:write']), teamsOf(['*'])]).toEqual([
      ['finance', 'till'],
      [],
      'every',
    ]);
  });

  test('a route that does not say who may use it stops the start', async () => {
    @Controller('open-by-mistake')
    class Forgotten {
      @Get()
      read(): string {
        return 'everything';
      }
    }
    @Module({ imports: [DiscoveryModule], controllers: [Forgotten], providers: [DeclaredAccess] })
    class Careless {}
    const app = await NestFactory.createApplicationContext(Careless, { logger: false, abortOnError: false }).catch(
      (error: unknown) => error,
    );
    expect(app).toMatchObject({ code: 'access.undeclared', message: expect.stringContaining('Forgotten.read') });
  });

  test('every route of the platform says who may use it', () => {
    expect(sample.app.get(DeclaredAccess).routes().length).toBeGreaterThan(10);
  });
});

/** Waits for a time of last use that is another than `before`. */
async function lastUse(keyId: string, before: Date | null): Promise<Date> {
  let found: Date | null = null;
  await until(
    async () => {
      const { rows } = await sample.db.ownerPool.query<{ at: Date | null }>('select last_used_at as at from api_key where id = $1', [
        uuidOf('key', keyId),
      ]);
      found = rows[0]?.at ?? null;
      return found !== null && found.getTime() !== before?.getTime();
    },
    () => `last_used_at stayed ${String(found)}`,
  );
  return found ?? new Date(Number.NaN);
}
