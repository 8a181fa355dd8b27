import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { defineErrors } from '../../kernel/errors.ts';
import { sampleApp, type SampleApp } from './test-app/sample-app.ts';

const sampleErrors = defineErrors('sample', {
  refused: { status: 422, title: 'The sample was refused', remedy: 'fix' },
  away: { status: 503, title: 'The sample is away', remedy: 'retry' },
});

let sample: SampleApp;
let key: string;
beforeAll(async () => {
  sample = await sampleApp();
  key = await sample.key('payments:write');
});
afterAll(() => sample.close());

let calls: string[] = [];
beforeEach(() => {
  calls = [];
  answerWith(async () => ({ call: calls.length }));
});

function answerWith(handler: () => Promise<unknown>): void {
  sample.state.handler = (operation) => {
    calls.push(operation);
    return handler();
  };
}

function post(name: string | undefined, body: object = { n: 1 }, secret = key) {
  const headers = {
    authorization: `Bearer ${secret}`,
    'content-type': 'application/json',
    ...(name !== undefined && { 'idempotency-key': name }),
  };
  return sample.app.inject({ method: 'POST', url: '/v1/samples/once', payload: JSON.stringify(body), headers });
}

async function makeStuck(name: string): Promise<void> {
  const { rowCount } = await sample.db.ownerPool.query(
    `update idempotency_record set alive_at = now() - interval '6 seconds' where key = $1`,
    [name],
  );
  expect(rowCount).toBe(1);
}

describe('a POST with Idempotency-Key', () => {
  test('is done once, and a repeat gets the same answer, marked as replayed', async () => {
    const first = await post('order-1');
    const second = await post('order-1');
    expect(calls).toHaveLength(1);
    expect([second.statusCode, second.body]).toEqual([first.statusCode, first.body]);
    expect(second.headers['content-type']).toBe(first.headers['content-type']);
    expect([first.headers['idempotency-replayed'], second.headers['idempotency-replayed']]).toEqual([undefined, 'true']);
  });

  test('in quotes is the same key as bare', async () => {
    await post('quoted');
    expect((await post('"quoted"')).headers['idempotency-replayed']).toBe('true');
  });

  test('with another body is refused, and nothing is done', async () => {
    await post('reused', { n: 1 });
    const answer = await post('reused', { n: 2 });
    expect([answer.statusCode, answer.json<{ code: string }>().code, calls.length]).toEqual([422, 'idempotency.key-reused', 1]);
  });

  test('while the first one runs, is told so; fifty at once are done once', async () => {
    let finish: (() => void) | undefined;
    const running = new Promise<void>((resolve) => (finish = resolve));
    answerWith(async () => {
      await running;
      return { done: true };
    });
    const all = Array.from({ length: 50 }, () => post('at-once').then((answer) => answer));
    await until(
      () => calls.length > 0,
      () => 'the handler was never called',
    );
    finish?.();
    const answers = await Promise.all(all);
    expect(calls).toHaveLength(1);
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([201, 409]));
    const conflict = answers.find(({ statusCode }) => statusCode === 409);
    expect(conflict?.json()).toMatchObject({ code: 'idempotency.running' });
    expect(conflict?.headers['retry-after']).toBe('1');
    expect((await post('at-once')).json()).toEqual({ done: true });
  });

  test('that was refused may be sent corrected under the same key', async () => {
    answerWith(() => Promise.reject(sampleErrors.refused()));
    expect((await post('corrected', { n: 1 })).statusCode).toBe(422);
    answerWith(async () => ({ ok: true }));
    expect((await post('corrected', { n: 2 })).statusCode).toBe(201);
  });

  test('that failed without an answer is done again by the next repeat, but only with the same body', async () => {
    answerWith(() => Promise.reject(sampleErrors.away()));
    expect((await post('failed', { n: 1 })).statusCode).toBe(503);
    answerWith(async () => ({ ok: true }));
    expect((await post('failed', { n: 2 })).json()).toMatchObject({ code: 'idempotency.key-reused' });
    expect((await post('failed', { n: 1 })).statusCode).toBe(201);
    expect(new Set(calls).size).toBe(1);
  });

  test('whose process died is taken over when its lease has run out, with the same operation key', async () => {
    let die: (() => void) | undefined;
    answerWith(() => new Promise((resolve) => (die = () => resolve({ late: true }))));
    const dead = post('died');
    void dead.then(() => undefined);
    await until(
      () => calls.length === 1,
      () => 'the handler was never called',
    );
    expect((await post('died')).statusCode).toBe(409);
    await makeStuck('died');
    answerWith(async () => ({ takenOver: true }));
    expect((await post('died')).json()).toEqual({ takenOver: true });
    expect(calls[1]).toBe(calls[0]);
    // It was only slow, not dead: what it says now must not replace the answer already given.
    die?.();
    await dead;
    expect((await post('died')).json()).toEqual({ takenOver: true });
  });

  test('that was taken over is no longer ended by its first runner, even while the second still runs', async () => {
    const finish: (() => void)[] = [];
    answerWith(() => new Promise((resolve) => finish.push(() => resolve({ runner: finish.length }))));
    const first = post('overtaken');
    void first.then(() => undefined);
    await until(
      () => finish.length === 1,
      () => 'the first runner was never called',
    );
    await makeStuck('overtaken');
    const second = post('overtaken');
    void second.then(() => undefined);
    await until(
      () => finish.length === 2,
      () => 'the second runner was never called',
    );
    answerWith(() => Promise.reject(sampleErrors.away()));
    finish[0]?.();
    await first;
    expect((await post('overtaken')).json()).toMatchObject({ code: 'idempotency.running' });
    finish[1]?.();
    expect((await second).statusCode).toBe(201);
    expect((await post('overtaken')).headers['idempotency-replayed']).toBe('true');
  });

  test('of another API key is another operation', async () => {
    await post('shared');
    const other = await post('shared', { n: 2 }, await sample.key('payments:write'));
    expect(other.statusCode).toBe(201);
    expect(new Set(calls).size).toBe(2);
    expect(calls.every((call) => /^http-[\w-]{43}$/.test(call))).toBe(true);
  });

  test.each([
    ['missing', undefined, 'idempotency.key-required'],
    ['empty', '', 'idempotency.key-format'],
    ['A37 of 256 characters', 'k'.repeat(256), 'idempotency.key-format'],
    ['of characters that are not printable', 'a\tb', 'idempotency.key-format'],
  ])('%s is a 400, and nothing is done or stored', async (_name, name, code) => {
    const before = await stored();
    const answer = await post(name);
    expect([answer.statusCode, answer.json<{ code: string }>().code, calls.length]).toEqual([400, code, 0]);
    expect(await stored()).toBe(before);
  });

  test('A37 sent twice is a 400', async () => {
    await sample.app.listen(0, '127.0.0.1');
    const { port } = sample.app.getHttpServer().address() as AddressInfo;
    const headers = ['authorization', `Bearer ${key}`, 'content-type', 'application/json', 'idempotency-key', 'a', 'Idempotency-Key', 'b'];
    const [answer] = (await once(request({ port, method: 'POST', path: '/v1/samples/once', headers }).end('{"n":1}'), 'response')) as [
      IncomingMessage,
    ];
    expect([answer.statusCode, calls.length]).toEqual([400, 0]);
    answer.destroy();
  });

  test('of 255 characters is accepted', async () => {
    expect((await post('k'.repeat(255))).statusCode).toBe(201);
  });

  test('and a body that is not accepted leaves the key free', async () => {
    expect((await post('typo', { m: 1 })).statusCode).toBe(422);
    expect((await post('typo', { n: 1 })).statusCode).toBe(201);
  });
});

async function stored(): Promise<number> {
  const { rows } = await sample.db.ownerPool.query<{ count: string }>('select count(*) from idempotency_record');
  return Number(rows[0]?.count);
}
