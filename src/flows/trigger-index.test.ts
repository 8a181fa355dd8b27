import { describe, expect, test } from '@jest/globals';
import { compileSource } from './language/compile.ts';
import { fullVocabulary } from './test/full-vocabulary.ts';
import { routesOf } from './flow-routes.ts';
import { admit, TriggerIndex, type PublishedFlow } from './trigger-index.ts';

const published = (name: string, top: string, tenantId = 'a'): PublishedFlow => ({
  flowId: name,
  tenantId,
  revision: 1,
  flow: compileSource(`kassaflow: 1\nflow: ${name}\n${top}\nsteps:\n  - stop: x\n`, fullVocabulary),
});
const completed = {
  tenantId: 'a',
  type: 'payment.completed',
  data: { payment: { id: 'pay_1', status: 'completed', provider: 'one', amount: { amount: '5.00', currency: 'EUR' } } },
};
const names = (index: TriggerIndex, event = completed) => index.match(event).map(({ flowId }) => flowId);

describe('the trigger index', () => {
  test('finds the flows of an event, of its tenant only', () => {
    const index = new TriggerIndex();
    index.put(published('first', 'on: payment.completed'));
    index.put(published('second', 'on: [payment.failed, payment.completed]'));
    index.put(published('third', 'on: payment.failed'));
    index.put(published('foreign', 'on: payment.completed', 'b'));
    expect(names(index)).toEqual(['first', 'second']);
  });

  test('a flow that was replaced or removed is not found under what it was', () => {
    const index = new TriggerIndex();
    index.put(published('flow', 'on: payment.completed'));
    index.put(published('flow', 'on: payment.failed'));
    expect(names(index)).toEqual([]);
    index.remove('flow');
    expect(names(index, { ...completed, type: 'payment.failed' })).toEqual([]);
  });

  test('an event of a schedule or of a trigger finds the flows that it is addressed to, and those that name its type', () => {
    const index = new TriggerIndex();
    index.put(published('daily', 'on: { schedule: every day at 09:00 }'));
    index.put(published('also-daily', 'on: [{ schedule: every day at 09:00 }, { cron: "0 6 * * *", timezone: UTC }]'));
    index.put(published('watches', 'on: flow.scheduled'));
    index.put(published('listens', 'on: { trigger: invoice.changed, with: { a: 1, b: 2 } }'));
    index.put(published('listens-too', 'on: { trigger: invoice.changed, with: { b: 2, a: 1 } }'));
    index.put(published('listens-elsewhere', 'on: { trigger: invoice.changed, via: other, with: { a: 1, b: 2 } }'));
    const slot = (flow: string, cron: string, timeZone: string) =>
      names(index, { tenantId: 'a', type: 'flow.scheduled', data: { schedule: { flow, cron, timeZone } } } as never);
    expect(slot('daily', '0 9 * * *', 'Europe/Amsterdam')).toEqual(['daily', 'watches']);
    expect(slot('also-daily', '0 6 * * *', 'UTC')).toEqual(['also-daily', 'watches']);
    expect(slot('daily', '0 9 * * *', 'UTC')).toEqual(['watches']);
    const source = routesOf(published('xy', 'on: { trigger: invoice.changed, with: { a: 1, b: 2 } }').flow).triggers[0]?.source;
    expect(names(index, { tenantId: 'a', type: 'trigger.fired', data: { trigger: { source } } } as never)).toEqual([
      'listens',
      'listens-too',
    ]);
    index.remove('daily');
    expect(slot('daily', '0 9 * * *', 'Europe/Amsterdam')).toEqual(['watches']);
  });

  test('a flow is compiled when an event asks for it, and one that cannot be read starts nothing', () => {
    const index = new TriggerIndex();
    const { flow, ...rest } = published('lazy', 'on: payment.completed');
    let compiled = 0;
    let readable = true;
    const compile = () => {
      compiled += 1;
      return readable ? flow : undefined;
    };
    index.put({ ...rest, name: 'lazy', routes: routesOf(flow), compiled: compile });
    expect(compiled).toBe(0);
    expect(names(index)).toEqual(['lazy']);
    readable = false;
    expect(names(index)).toEqual([]);
    expect(index.revisionOf('lazy')).toBe(1);
  });

  test('a provider narrows an event', () => {
    const index = new TriggerIndex();
    index.put(published('one', 'on: { event: payment.completed, provider: one }'));
    index.put(published('two', 'on: { event: payment.completed, provider: two }'));
    expect(names(index)).toEqual(['one']);
  });

  test('says which subjects must be read before it can be decided', () => {
    const index = new TriggerIndex();
    index.put(published('plain', 'on: { event: payment.completed, where: event.payment.amount > money("1 EUR") }\none-per: payment.id'));
    index.put(published('careful', 'on: payment.completed\nwhen: customer.hasMandate'));
    expect(index.match(completed).map(({ needs }) => [...needs])).toEqual([[], ['customer']]);
  });

  test('a run starts when where and when hold, under its one-per key', () => {
    const index = new TriggerIndex();
    index.put(
      published(
        'flow',
        'on: { event: payment.completed, where: event.payment.amount > money("1 EUR") }\nunless: event.payment.test\none-per: payment.id',
      ),
    );
    const [match] = index.match(completed);
    if (!match) throw new Error('no match');
    expect(admit(match, { event: completed.data })).toEqual({ starts: true, onePer: 'pay_1' });
    expect(admit(match, { event: { payment: { ...completed.data.payment, test: true } } })).toEqual({ starts: false });
  });

  test('several triggers for one event are alternatives: any of them starts the flow, and it starts once', () => {
    const index = new TriggerIndex();
    const over = (euros: number) => `{ event: payment.completed, where: event.payment.amount > money("${euros} EUR") }`;
    index.put(published('flow', `on: [${over(100)}, ${over(4)}]`));
    index.put(published('narrow', `on: [{ event: payment.completed, provider: two }, ${over(100)}]`));
    const matches = index.match(completed);
    expect(matches.map(({ flowId }) => flowId)).toEqual(['flow', 'narrow']);
    expect(matches.map((match) => admit(match, { event: completed.data }).starts)).toEqual([true, false]);
  });

  test('a trigger that cannot be computed matters only when no other one fits', () => {
    const index = new TriggerIndex();
    const broken = '{ event: custom.x, where: event.n > 0 }';
    index.put(published('saved', `on: [${broken}, custom.x]`));
    index.put(published('broken', `on: ${broken}`));
    const event = { tenantId: 'a', type: 'custom.x', data: { n: 'a text' } };
    const [saved, alone] = index.match(event);
    if (!saved || !alone) throw new Error('no match');
    expect(admit(saved, { event: event.data })).toEqual({ starts: true });
    expect(() => admit(alone, { event: event.data })).toThrow(expect.objectContaining({ code: expect.stringMatching(/^expression\./) }));
  });
});
