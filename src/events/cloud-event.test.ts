import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newUuid } from '../kernel/ids.ts';
import { canonicalJson } from './canonical-json.ts';
import { catalogue } from './catalogue/catalogue.ts';
import { readCloudEvent, toCloudEvent } from './cloud-event.ts';

const NOW = new Date('2026-11-21T10:00:00.000Z');
const TENANT = newUuid();
const event = { specversion: '1.0', id: 'e1', source: '/shop', type: 'custom.report', data: { report: 8812 } };
const read = (input: unknown) => readCloudEvent(input, TENANT, NOW);

describe('a CloudEvent from a portal', () => {
  test('becomes an event of the tenant that sent it', () => {
    expect(read({ ...event, subject: 'customer/4711', time: '2026-11-21T09:59:58+01:00' })).toMatchObject({
      tenantId: TENANT,
      source: '/shop',
      sourceId: 'e1',
      type: 'custom.report',
      subject: 'customer/4711',
      occurredAt: new Date('2026-11-21T08:59:58.000Z'),
      data: { report: 8812 },
    });
  });

  test('happened now and is about nothing in particular when it does not say', () => {
    expect(read(event)).toMatchObject({ occurredAt: NOW, subject: '' });
  });

  test.each([
    ['com.kassaflow.usage.recorded.v1', 'usage.recorded'],
    ['usage.recorded', 'usage.recorded'],
  ])('of the type %s is of ours', (type, short) => {
    const data = { usage: { customer: 'portal-4711', meter: 'reports', quantity: 3 } };
    expect(read({ ...event, type, data })).toMatchObject({ type: short, data });
  });

  test('has the same hash however it is spelled, and another for any other content', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 3 })), (data) => {
        const { bodyHash } = read({ ...event, data });
        const shuffled = Object.fromEntries(
          Object.entries({ ...event, data: Object.fromEntries(Object.entries(data).toReversed()) }).toReversed(),
        );
        expect(read(shuffled).bodyHash).toEqual(bodyHash);
        expect(read({ ...event, data: { ...data, Other: 1 } }).bodyHash).not.toEqual(bodyHash);
      }),
    );
  });

  test('keeps the first 300 seconds and the last 365 days open', () => {
    for (const [offset, accepted] of [
      [300_000, true],
      [301_000, false],
      [-365 * 86_400_000, true],
      [-366 * 86_400_000, false],
    ] as const) {
      const sent = () => read({ ...event, time: new Date(NOW.getTime() + offset).toISOString() });
      if (accepted) expect(sent().occurredAt.getTime()).toBe(NOW.getTime() + offset);
      else expect(sent).toThrow(expect.objectContaining({ code: offset > 0 ? 'events.time-future' : 'events.time-too-old' }));
    }
  });

  test.each([
    ['a version that there is not', { type: 'com.kassaflow.usage.recorded.v2' }, 'events.unknown-type'],
    ['a money event', { type: 'payment.completed' }, 'events.reserved-type'],
    ['an inherited name', { type: 'constructor' }, 'events.unknown-type'],
    ['another version of the envelope', { specversion: '0.3' }, 'request.choice'],
    ['data that are no object', { data: [1] }, 'request.type'],
    ['data in base64', { data_base64: 'AAAA' }, 'request.unknown-field'],
    ['usage without a meter', { type: 'usage.recorded', data: { usage: { customer: 'c', quantity: 1 } } }, 'request.required'],
    ['more data than anybody stores', { data: { text: 'x'.repeat(70_000) } }, 'events.data-too-large'],
    ['a day that is not in the calendar', { time: '2026-02-30T10:00:00Z' }, 'request.format'],
    ['a source with a line break', { source: '/a\n/b' }, 'request.format'],
    ['a card number in its subject', { subject: 'card/4111-1111-1111-1111' }, 'request.card-number'],
  ])('with %s is refused', (_, change, code) => {
    expect(() => read({ ...event, ...change })).toThrow(expect.objectContaining({ code }));
  });

  test('says everything that is wrong with it at once', () => {
    expect(() => read({ ...event, id: 'a b', tenant: 'x', type: 42 })).toThrow(
      expect.objectContaining({
        problems: expect.arrayContaining([
          expect.objectContaining({ pointer: '/id' }),
          expect.objectContaining({ pointer: '/tenant' }),
          expect.objectContaining({ pointer: '/type' }),
        ]),
      }),
    );
  });
});

test('every event of the catalogue has a wire form that says its type and version', () => {
  for (const { type, version, example } of catalogue.values()) {
    const id = newUuid();
    const wire = toCloudEvent({
      seq: 7n,
      id,
      tenantId: TENANT,
      source: '/kassaflow',
      sourceId: 'evt_x',
      type,
      subject: '',
      occurredAt: NOW,
      data: example,
    });
    expect(wire).toMatchObject({
      specversion: '1.0',
      type: `com.kassaflow.${type}.v${version}`,
      sequence: '7',
      time: NOW.toISOString(),
      data: example,
    });
    expect(wire).not.toHaveProperty('subject');
  }
});

test('canonical JSON is JSON, and the same for equal values', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))));
});
