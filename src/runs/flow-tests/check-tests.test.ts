import { expect, test } from '@jest/globals';
import { checkFlow } from '../../flows/language/check/check-flow.ts';
import { renderDiagnostics } from '../../flows/language/diagnostic.ts';
import { fullVocabulary } from '../../flows/test/full-vocabulary.ts';
import { checkTests } from './check-tests.ts';

const flow = (tests: string) => `kassaflow: 1
flow: credits
on: payment.completed
steps:
  - id: add
    do: credit.add
    with: { customer: =customer.id, credits: =order.credits, order: =order.id }
tests:
${tests}`;

function problems(tests: string): readonly { readonly said: string; readonly under: string }[] {
  const source = flow(tests);
  const { flow: syntax } = checkFlow(source, fullVocabulary);
  if (!syntax) throw new Error('the flow itself has a mistake');
  return checkTests(syntax, source, fullVocabulary).map(({ message, help, place }) => ({
    said: `${message} ${help}`,
    under: (source.split('\n')[place.line - 1] ?? '').slice(place.column - 1, place.column - 1 + place.length),
  }));
}

test('steps, actions, samples and events that do not exist are found without running a test', () => {
  const found = problems(`  - name: bad names
    given: { event: payment.completed, sample: credit-pakage-100 }
    mocks: { credit.ad: { fails: temporary } }
    expect: { status: completed, steps: [ad], never: [sms.send], with: { credit.add: { credits: 100 } } }
  - name: another event
    given: { event: payment.failed }
    expect: { status: stopped }
`);
  expect(found).toEqual([
    {
      said: expect.stringMatching(/^The test "bad names" cannot be run: There is no sample "credit-pakage-100"/),
      under: 'credit-pakage-100',
    },
    { said: 'The test "bad names" cannot be run: The flow has no "credit.ad". did you mean credit.add?', under: 'credit.ad' },
    { said: 'The test "bad names" cannot be run: The flow has no "ad". did you mean add?', under: 'ad' },
    { said: expect.stringMatching(/The flow has no "sms.send"/), under: 'sms.send' },
    { said: expect.stringMatching(/credits does not start by payment.failed. it starts by payment.completed/), under: 'payment.failed' },
  ]);
});

test('a test that can be run has no problems, whether it passes or not', () => {
  expect(
    problems(`  - name: fails
    given: { event: payment.completed, sample: credit-package-100 }
    expect: { status: failed }
`),
  ).toEqual([]);
});

test('the problem is shown as every other one is', () => {
  const source = flow('  - name: x\n    given: { event: payment.completed }\n    expect: { steps: [ad] }\n');
  const { flow: syntax } = checkFlow(source, fullVocabulary);
  expect(syntax && renderDiagnostics(checkTests(syntax, source, fullVocabulary), source, 'credits.yaml')).toBe(
    `credits.yaml:11:23 flow.test The test "x" cannot be run: The flow has no "ad".
  11 |     expect: { steps: [ad] }
     |                       ^^
     = did you mean add?`,
  );
});
