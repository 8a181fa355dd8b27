import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { after } from '../../kernel/duration.ts';
import { fullVocabulary } from '../../flows/test/full-vocabulary.ts';
import { renderReport } from './render-report.ts';
import { testFlow, type TestReport } from './run-tests.ts';

/** A flow that starts by a failed payment, with these lines for steps and one test. */
function flowWith(steps: readonly string[], test: readonly string[], more: readonly string[] = []): string {
  const lines = (of: readonly string[], indent: string) => of.map((line) => `${indent}${line}`);
  return [
    'kassaflow: 1',
    'flow: under-test',
    'on: payment.failed',
    'one-per: invoice.id',
    ...more,
    'steps:',
    ...lines(steps, '  '),
    'on-failure:',
    '  - do: staff.task',
    '    with: { team: finance, title: failed }',
    'tests:',
    '  - name: it',
    ...lines(test, '    '),
    '',
  ].join('\n');
}

async function only(source: string): Promise<TestReport> {
  const { tests, diagnostics } = await testFlow(source, fullVocabulary);
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  const [report] = tests;
  if (!report) throw new Error('the flow has no test');
  return report;
}

const given = 'given: { event: payment.failed, sample: ideal-failed }';
const sms = ['- id: notice', '  do: sms.send', '  with: { to: =customer.phone, text: "Hello {{ customer.firstName }}" }'];

describe('mocks', () => {
  test('a failure that passes is tried again, by the pauses of the policy and without jitter', async () => {
    const report = await only(
      flowWith(
        [...sms, '  retry: { times: 3, first: 10s, factor: 3 }'],
        [given, 'mocks: { notice: { fails: temporary, times: 2 } }', 'expect: { status: completed, steps: [notice], took: 40s }'],
      ),
    );
    expect(report.problems).toEqual([]);
    expect(report.result?.trace.calls).toMatchObject([{ attempts: 3, outcome: { kind: 'ok' } }]);
  });

  test('a list is used in order, and its last one holds from then on', async () => {
    const charge = (id: string) => [`- id: ${id}`, '  do: payment.charge', '  with: { invoice: =invoice.id }'];
    const report = await only(
      flowWith(
        [
          ...charge('one'),
          ...charge('two'),
          ...charge('three'),
          '- if: steps.one.status == "failed" && steps.three.status == "completed"',
          '  stop: as expected',
        ],
        [
          given,
          'mocks: { payment.charge: [{ status: failed }, { status: completed }] }',
          'expect: { status: stopped, reason: as expected }',
        ],
      ),
    );
    expect(report.problems).toEqual([]);
  });

  test('a decline is a result, and a failure goes to on-failure', async () => {
    const declined = await only(
      flowWith(
        [...sms, '- if: steps.notice.outcome == "declined"', '  stop: "{{ steps.notice.code }}"'],
        [given, 'mocks: { notice: { declines: no-such-number } }', 'expect: { status: stopped, reason: no-such-number }'],
      ),
    );
    expect(declined.problems).toEqual([]);
    const failed = await only(
      flowWith(sms, [
        given,
        'mocks: { notice: { fails: permanent, message: gone } }',
        'expect: { status: failed, reason: gone, steps: [notice, staff.task] }',
      ]),
    );
    expect(failed.problems).toEqual([]);
  });

  test('an unknown outcome is treated as in earnest: a person is asked where money moved and nobody can look', async () => {
    const steps = ['- id: mail', '  do: email.send', '  with: { to: =customer.email, subject: Hi, text: Hi }', '  on-unknown: ask'];
    const report = await only(
      flowWith(steps, [given, 'mocks: { mail: { unknown: true } }', 'expect: { status: attention, steps: [mail] }']),
    );
    expect(report.problems).toEqual([]);
  });

  test('a charge that succeeds settles the invoice of the simulated domain', async () => {
    const steps = [
      '- do: payment.charge',
      '  with: { invoice: =invoice.id }',
      '- if: invoice.status == "paid"',
      '  stop: "{{ money invoice.open }}"',
    ];
    const report = await only(flowWith(steps, [given, 'expect: { status: stopped, reason: "€ 0.00" }']));
    expect(report.result?.reason?.message).toMatch(/^€.0[.,]00$/);
  });
});

describe('what a test says wrong is told with its place', () => {
  test.each([
    [
      'an unknown sample',
      ['given: { event: payment.failed, sample: idael-failed }', 'expect: { status: completed }'],
      'did you mean ideal-failed?',
      14,
    ],
    [
      'an event that does not start the flow',
      ['given: { event: payment.completed }', 'expect: { status: completed }'],
      'it starts by payment.failed',
      14,
    ],
    [
      'data that are no such event',
      ['given: { event: payment.failed, data: { payment: { status: lost } } }', 'expect: { status: completed }'],
      'docs/events.md',
      14,
    ],
    [
      'a mock of a step that is not there',
      [given, 'mocks: { notise: { message: x } }', 'expect: { status: completed }'],
      'did you mean notice?',
      15,
    ],
    [
      'a mock that the action cannot answer',
      [given, 'mocks: { notice: { mesage: x } }', 'expect: { status: completed }'],
      'it answers message',
      15,
    ],
    [
      'a way to fail that there is not',
      [given, 'mocks: { notice: { fails: sometimes } }', 'expect: { status: completed }'],
      'write one of temporary',
      15,
    ],
    ['an expected step that is not there', [given, 'expect: { steps: [notise] }'], 'did you mean notice?', 15],
    [
      'an answer where nobody is asked',
      [given, 'then: [{ after: 1h, answer: approve }]', 'expect: { status: completed }'],
      'the questions are none',
      15,
    ],
  ])('%s', async (_, lines, help, line) => {
    const { problems, result } = await only(flowWith(sms, lines));
    expect(result).toBeUndefined();
    expect(problems).toMatchObject([{ place: { line } }]);
    expect(problems[0]?.help?.join('\n')).toContain(help);
  });

  test('a test that expects nothing proves nothing', async () => {
    const { problems } = await only(flowWith(sms, [given, 'expect: {}']));
    expect(problems).toMatchObject([{ message: 'The test "it" expects nothing.' }]);
  });
});

describe('differences', () => {
  test('are shown side by side, with what happened by the clock of the flow', async () => {
    const source = flowWith(
      ['- wait: 2 working-days', ...sms],
      [given, 'expect: { status: stopped, steps: [staff.task], never: [notice], took: 1d, with: { notice: { text: Bye } } }'],
    );
    const report = await testFlow(source, fullVocabulary);
    const text = renderReport([{ file: 'flows/under-test.yaml', source, report }], 12).join('\n');
    expect(text).toContain('✗ it  flows/under-test.yaml:14:11');
    expect(text).toContain('The run should be stopped and is completed.');
    expect(text).toMatch(/expected {4}happened\n\s+- staff\.task\n\s+\+ {13}notice {2}\(line 7\)/);
    expect(text).toContain('notice should never run, and did (line 7).');
    expect(text).toContain('The run should take 1d and took 2d.');
    expect(text).toMatch(/text\n\s+- "Bye"\n\s+\+ "Hello Kim"/);
    expect(text).toContain('Wed 25 Nov 10:00:00  notice  {"to":"+31687654321","text":"Hello Kim"} → ok  flows/under-test.yaml:7:5');
    expect(text).toContain('1 test, 1 failed, 12ms');
  });

  test('a run that does not start says why', async () => {
    const source = flowWith(
      sms,
      ['given: { event: payment.failed, sample: fraud }', 'expect: { status: completed }'],
      ['when: payment.reason != "fraud"'],
    );
    expect((await only(source)).problems).toMatchObject([{ message: 'The run should be completed and is not-started.' }]);
    expect((await only(source.replace('status: completed }', 'status: not-started }'))).problems).toEqual([]);
  });
});

describe('the virtual clock', () => {
  test('counts days by the calendar of the flow, over a change of the clocks', async () => {
    const over = (at: string) =>
      flowWith(['- wait: 1d', ...sms], [`given: { event: payment.failed, at: ${at} }`, 'expect: { status: completed, took: 1d }']);
    const spring = await only(over('2026-03-28 12:00'));
    expect(spring.problems).toEqual([]);
    expect(hours(spring)).toBe(23);
    expect(hours(await only(over('2026-10-24 12:00')))).toBe(25);
  });

  test('took is exact for every duration and start, and the same test gives the same run', async () => {
    const unit = fc.constantFrom(['h', 'hour'], ['d', 'day'], ['w', 'week'], ['working-days', 'working-day'] as const);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), unit, fc.integer({ min: 0, max: 365 * 24 }), async (count, [word, name], hour) => {
        const at = new Date(Date.UTC(2026, 0, 1, hour));
        const source = flowWith(
          [`- wait: ${count} ${word}`, ...sms],
          [`given: { event: payment.failed, at: ${at.toISOString()} }`, `expect: { status: completed, took: ${count} ${word} }`],
        );
        const [one, other] = [await only(source), await only(source)];
        expect(one.problems).toEqual([]);
        const due = after(at, { count, unit: name as 'hour' | 'day' | 'week' | 'working-day' }, 'Europe/Amsterdam');
        expect(one.result?.endedAt).toEqual(due);
        expect(JSON.stringify(other)).toBe(JSON.stringify(one));
      }),
      { numRuns: 60 },
    );
  });
});

describe('waits, loops and people', () => {
  test('the rounds of a repeat take exactly their time, by the calendar, whichever way they end', async () => {
    const steps = (rounds: number, days: number) => [
      `- repeat: ${rounds}`,
      '  until: invoice.status == "paid"',
      '  steps:',
      '    - wait-for: invoice.paid',
      `      timeout: ${days}d`,
      '    - id: notice',
      '      do: sms.send',
      '      with: { to: =customer.phone, text: Please pay }',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 400 }),
        fc.option(fc.integer({ min: 0, max: 5 })),
        async (rounds, days, startDay, paidIn) => {
          const paid = paidIn !== null && paidIn < rounds ? paidIn : undefined;
          const at = new Date(Date.UTC(2026, 0, 1 + startDay, 9)).toISOString();
          const meanwhile =
            paid === undefined
              ? []
              : [`then: [{ after: ${[...Array.from({ length: paid }, () => `${days}d`), '1h'].join(' + ')}, event: invoice.paid }]`];
          const took = [...Array.from({ length: paid ?? rounds }, () => `${days}d`), ...(paid === undefined ? [] : ['1h'])].join(' + ');
          const ran = Array.from({ length: paid === undefined ? rounds : paid + 1 }, () => 'notice').join(', ');
          const lines = [
            `given: { event: payment.failed, sample: ideal-failed, at: ${at} }`,
            ...meanwhile,
            `expect: { status: completed, steps: [${ran}], took: ${took} }`,
          ];
          const report = await only(flowWith(steps(rounds, days), lines));
          expect(report.problems).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('a wait that takes no notice of an event of somebody else', async () => {
    const steps = ['- wait-for: invoice.paid', '  timeout: 3d', ...sms];
    const other = 'then: [{ after: 1d, event: invoice.paid, data: { invoice: { id: inv_01k9xw3d5t8m2q4r6v7y9z0zzz } } }]';
    const report = await only(flowWith(steps, [given, other, 'expect: { status: completed, took: 3d }']));
    expect(report.problems).toEqual([]);
  });

  test('stop-on ends the run, and what would have come never runs', async () => {
    const source = flowWith(
      ['- wait: 3d', ...sms],
      [given, 'then: [{ after: 1d, event: invoice.cancelled }]', 'expect: { status: stopped, steps: [], took: 1d }'],
      ['stop-on: invoice.cancelled'],
    );
    expect((await only(source)).problems).toEqual([]);
  });

  test('a question waits for an answer, and one that comes too early is told', async () => {
    const steps = [
      '- wait: 1d',
      '- id: approval',
      '  ask: Really?',
      '  who: finance',
      '- if: steps.approval.choice == "approve"',
      '  stop: "by {{ steps.approval.by }}"',
    ];
    const answer = (after: string) => `then: [{ after: ${after}, answer: { step: approval, choice: approve, by: kim } }]`;
    const good = await only(flowWith(steps, [given, answer('2d'), 'expect: { status: stopped, reason: by kim, took: 2d }']));
    expect(good.problems).toEqual([]);
    const early = await only(flowWith(steps, [given, answer('1h'), 'expect: { status: waiting }']));
    expect(early.problems).toMatchObject([{ message: 'Nobody is asked at that moment.' }]);
  });

  test('another flow is mocked: it completes, or fails as the test says', async () => {
    const steps = ['- id: other', '  run: other-flow', '  with: { customer: =customer.id }', ...sms];
    const good = await only(flowWith(steps, [given, 'expect: { status: completed, steps: [other, notice] }']));
    expect(good.problems).toEqual([]);
    const bad = await only(
      flowWith(steps, [
        given,
        'mocks: { other: { status: failed, message: no } }',
        'expect: { status: failed, steps: [other-flow, staff.task] }',
      ]),
    );
    expect(bad.problems).toEqual([]);
  });
});

function hours({ result }: TestReport): number {
  return result ? (result.endedAt.getTime() - result.startedAt.getTime()) / 3_600_000 : Number.NaN;
}
