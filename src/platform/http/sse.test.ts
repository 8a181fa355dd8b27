import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { until } from '../../../test/support/until.ts';
import { sampleApp, type SampleApp } from './test-app/sample-app.ts';
import { formatMessage, SseStreams } from './sse.ts';

let sample: SampleApp;
let key: string;
beforeAll(async () => {
  sample = await sampleApp();
  key = await sample.key('stream:read');
  await sample.app.listen(0, '127.0.0.1');
});
afterAll(() => sample.close());

async function open(): Promise<{ answer: IncomingMessage; text: () => string }> {
  const { port } = sample.app.getHttpServer().address() as AddressInfo;
  const request = get({ port, path: '/v1/samples/stream', headers: { authorization: `Bearer ${key}` } });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  answer.setEncoding('utf8').on('data', (part: string) => (text += part));
  return { answer, text: () => text };
}

describe('an event stream', () => {
  test('begins with the time to come back after, and carries one event per send', async () => {
    const { answer, text } = await open();
    await until(
      () => text().includes('data:'),
      () => text(),
    );
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(text()).toBe('retry: 3000\n\nid: 1\nevent: payment.completed\ndata: {"name":"a\\ndata: forged"}\n\n');
    answer.destroy();
    await until(
      () => sample.app.get(SseStreams).size === 0,
      () => 'the client was not let go',
    );
  });

  test('no data can end its event or begin another', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const lines = formatMessage({ id: '7', data }).split(/\r\n|\r|\n/);
        expect(lines).toEqual(['id: 7', `data: ${JSON.stringify(data)}`, '', '']);
      }),
    );
  });

  test.each(['a\nb', 'a b', '', 'x'.repeat(201)])('an id of %j is a mistake of ours', (id) => {
    expect(() => formatMessage({ id, data: 1 })).toThrow(RangeError);
  });

  test('a client that does not read is dropped instead of filling the memory', async () => {
    const { port } = sample.app.getHttpServer().address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const streams = sample.app.get(SseStreams);
    socket.write(`GET /v1/samples/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`);
    await until(
      () => streams.size === 1,
      () => 'no client',
    );
    socket.pause();
    const data = 'x'.repeat(100_000);
    let sent = 0;
    await until(
      () => {
        for (const client of streams.clients()) if (client.send({ data })) sent += 1;
        return streams.size === 0;
      },
      () => `still connected after ${sent} events`,
    );
    socket.destroy();
  });

  test('ends when the application stops, so that the stop does not wait for the client', async () => {
    const own = await sampleApp();
    const secret = await own.key('stream:read');
    await own.app.listen(0, '127.0.0.1');
    const { port } = own.app.getHttpServer().address() as AddressInfo;
    const request = get({ port, path: '/v1/samples/stream', headers: { authorization: `Bearer ${secret}` } });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    answer.setEncoding('utf8').on('data', (part: string) => (text += part));
    const ended = once(answer, 'end');
    const closed = own.close();
    await ended;
    await closed;
    expect(text).toContain(': the system is stopping');
  });
});
