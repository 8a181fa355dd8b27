import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import type { ActionDoor } from '../../plugin-host/action-call.ts';
import { FlowVocabulary } from '../../flows/flow-vocabulary.ts';
import { Flows } from '../../flows/flows.service.ts';
import { PublishTests } from '../../flows/publish-tests.ts';
import { PublishedFlows } from '../../flows/published-flows.ts';
import { fullVocabulary } from '../../flows/test/full-vocabulary.ts';
import { TriggerIndex } from '../../flows/trigger-index.ts';
import { testsOfAText } from './tests-of-a-text.ts';

const text = (name: string, credits: number) => `kassaflow: 1
flow: ${name}
on: payment.completed
one-per: payment.id
steps:
  - if: order.credits > 0
    do: credit.add
    with: { customer: =customer.id, credits: =order.credits, order: =order.id }
tests:
  - name: credits
    given: { event: payment.completed, sample: credit-package-100 }
    expect: { status: completed, with: { credit.add: { credits: ${credits} } } }
`;

let db: TestDatabase;
let flows: Flows;

beforeAll(async () => {
  db = await testDatabase();
  const vocabulary = new FlowVocabulary({ manifests: () => fullVocabulary.actions } as unknown as ActionDoor); // only its list of actions is asked for
  const published = new PublishedFlows(db.enginePool, new TriggerIndex(), vocabulary, systemClock);
  const tests = new PublishTests();
  tests.offer(testsOfAText);
  flows = new Flows(db.database, vocabulary, published, new Audit(), systemClock, tests);
}, 30_000);
afterAll(() => db.close());

test('a text whose tests fail is refused with every difference and its place, and published all the same when somebody insists', async () => {
  const source = text('tested', 99);
  await expect(flows.publish(db.tenantId, { source, by: 'test' })).rejects.toMatchObject({
    code: 'flow.tests-failed',
    problems: [
      {
        pointer: '/source#line=11',
        code: 'flow.test-failed',
        detail: 'line 12, column 54: test "credits": credit.add was called with something else:',
        help: 'credits\n- 99\n+ 100',
      },
    ],
  });
  await expect(flows.revision(db.tenantId, 'tested')).rejects.toMatchObject({ code: 'flow.not-found' });
  expect(await flows.publish(db.tenantId, { source, by: 'test', skipTests: true })).toMatchObject({ revision: 1, changed: true });
});

test('a text whose tests pass is published; the same text again and an old one run no tests', async () => {
  expect(await flows.publish(db.tenantId, { source: text('proven', 100), by: 'test' })).toMatchObject({ revision: 1 });
  await flows.publish(db.tenantId, { source: text('proven', 98), by: 'test', skipTests: true });
  expect(await flows.publish(db.tenantId, { source: text('proven', 98), by: 'test' })).toMatchObject({ revision: 2, changed: false });
  await flows.publish(db.tenantId, { source: text('proven', 100), by: 'test' });
  expect(await flows.rollback(db.tenantId, 'proven', 2, 'test')).toMatchObject({ revision: 4, changed: true });
});
