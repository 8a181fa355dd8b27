import { describe, expect, test } from '@jest/globals';
import { compileSource } from '../../flows/language/compile.ts';
import { fullVocabulary } from '../../flows/test/full-vocabulary.ts';
import { compareRevisions, renderComparison, type RecordedEvent } from './compare-revisions.ts';
import { dryRunOfEvent } from './dry-run.ts';
import { renderDryRun } from './render-dry-run.ts';
import { sampleOf } from './samples/samples.ts';

const flow = (text: string) => compileSource(text, fullVocabulary);
const BEFORE = `kassaflow: 1
flow: receipt
on: payment.completed
one-per: payment.id
steps:
  - if: customer.phone != ""
    do: sms.send
    with: { to: =customer.phone, text: "Thanks for {{ money payment.amount }}" }
  - id: posting
    do: accounting.post
    with: { payment: =payment.id }
`;
const AFTER = BEFORE.replace('Thanks for', 'Thank you for')
  .replace('  - id: posting', '  - wait: 2h\n  - id: posting')
  .concat('  - if: order.credits > 0\n    do: credit.add\n    with: { customer: =customer.id, credits: =order.credits }\n');

const at = new Date('2026-11-23T09:00:00Z');
const events: RecordedEvent[] = ['credit-package-100', 'invoice-paid', 'no-phone', 'paid-by-card'].map((name, index) => ({
  id: `evt_${index}`,
  type: 'payment.completed',
  data: sampleOf('payment.completed', name) ?? {},
  at,
}));

describe('a dry run', () => {
  test('says which actions would be called, when and with what', async () => {
    const [event] = events;
    const run = await dryRunOfEvent(flow(AFTER), fullVocabulary, event ?? { type: '', data: {}, at });
    expect(run).toMatchObject({
      flow: 'receipt',
      status: 'completed',
      startedAt: '2026-11-23T09:00:00.000Z',
      endedAt: '2026-11-23T11:00:00.000Z',
      steps: [
        { step: 'sms.send', afterMs: 0, line: 6, input: { to: '+31687654321' } },
        { step: 'posting', action: 'accounting.post', afterMs: 7_200_000 },
        { step: 'credit.add', input: { credits: 100 } },
      ],
    });
    expect(renderDryRun(run)[0]).toBe('receipt would be completed after 2h');
  });

  test('of an event that would start nothing says so', async () => {
    const run = await dryRunOfEvent(flow(BEFORE), fullVocabulary, { type: 'payment.failed', data: sampleOf('payment.failed') ?? {}, at });
    expect(run).toMatchObject({ status: 'not-started', steps: [] });
  });
});

describe('two revisions over what has happened', () => {
  test('the same text has the same effects', async () => {
    expect(await compareRevisions(flow(BEFORE), flow(BEFORE), fullVocabulary, events)).toEqual({ events: 4, same: 4, differences: [] });
  });

  test('events with the same difference are told together, the most frequent first', async () => {
    const comparison = await compareRevisions(flow(BEFORE), flow(AFTER), fullVocabulary, events);
    expect(comparison).toMatchObject({ events: 4, same: 0, differences: [{ count: 2 }, { count: 1 }, { count: 1 }] });
    const text = renderComparison(comparison).join('\n');
    expect(text).toContain('4 events: the same effects for 0, others for 4');
    expect(text).toContain('~ sms.send would be called with another text (line 6)');
    expect(text).toContain('~ posting would run after 2h instead of 0s');
    expect(text).toContain('+ credit.add would run as well (line 13)');
    expect(text).toMatch(/sms\.send\.text\n\s+- "Thanks for .*"\n\s+\+ "Thank you for .*"/);
  });
});
