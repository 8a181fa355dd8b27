import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Diagnostics } from '../diagnostic.ts';
import { readFlow } from '../read/read-flow.ts';
import type { FlowSyntax } from '../syntax.ts';
import { diffFlows } from './diff-flows.ts';

function read(source: string): FlowSyntax {
  const flow = readFlow(source, new Diagnostics(source));
  if (!flow) throw new Error('not a flow');
  return flow;
}

const BEFORE = `kassaflow: 1
flow: dunning
on: payment.failed
one-per: invoice.id
vars: { limit: 5.00 EUR }
steps:
  - id: charge
    do: payment.charge
    with: { invoice: =invoice.id, method: saved }
    retry: { times: 3, every: 5min }
  - do: sms.send
    with: { to: =customer.phone, text: hello }
  - id: posting
    do: accounting.post
    with: { invoice: =invoice.id }
  - if: invoice.open > money(vars.limit)
    then:
      - do: staff.notify
        with: { team: finance, text: open }
on-failure:
  - do: staff.task
    with: { team: finance, title: failed }
tests:
  - { name: paid, given: { event: payment.failed }, expect: { status: completed } }
`;
const changes = (from: string, to: string) => {
  expect(BEFORE).toContain(from);
  return diffFlows(read(BEFORE), read(BEFORE.replace(from, to)));
};
const SMS = '  - do: sms.send\n    with: { to: =customer.phone, text: hello }\n';
const POSTING = '  - id: posting\n    do: accounting.post\n    with: { invoice: =invoice.id }\n';

describe('what changed in a flow, in words', () => {
  test.each<[from: string, to: string, lines: readonly string[]]>([
    ['times: 3', 'times: 5', ['step charge: retry times 3 → 5']],
    [
      'retry: { times: 3, every: 5min }',
      'via: bank',
      ['step charge: via added: bank', 'step charge: retry times removed (was 3)', 'step charge: retry every removed (was 5min)'],
    ],
    [`${SMS}${POSTING}`, `${POSTING}${SMS}`, ['step sms.send moved behind posting']],
    [SMS, '', ['step sms.send removed']],
    [POSTING, `${POSTING}  - wait: 1d\n`, ['step wait 1d added behind posting']],
    ['text: hello', 'text: goodbye', ['step sms.send: with text hello → goodbye']],
    [
      'do: accounting.post\n    with: { invoice: =invoice.id }',
      'wait: 3d',
      [
        'step posting: wait added: 3d',
        'step posting: do removed (was accounting.post)',
        'step posting: with invoice removed (was =invoice.id)',
      ],
    ],
    ['    then:\n', '    then:\n      - stop: x\n', ['step stop added at the beginning of then of if invoice.open > money(vars.limit)']],
    [
      'open > money',
      'open >= money',
      ['step if invoice.open > money(vars.limit): if invoice.open > money(vars.limit) → invoice.open >= money(vars.limit)'],
    ],
    [`on: payment.failed\n`, `on:\n  - payment.failed\n  - { schedule: every day at 02:30 }\n`, ['trigger added: every day at 02:30']],
    ['on: payment.failed', 'on: { event: payment.failed, provider: bank }', ['trigger payment.failed: provider added: bank']],
    ['on: payment.failed', 'on: payment.expired', ['trigger payment.failed: event payment.failed → payment.expired']],
    [
      'one-per: invoice.id\n',
      'one-per: payment.id\nwhen: payment.test\nstop-on: invoice.paid\n',
      ['when added: payment.test', 'one-per invoice.id → payment.id', 'stop-on added: invoice.paid'],
    ],
    ['5.00 EUR', '6.00 EUR', ['variable limit 5.00 EUR → 6.00 EUR']],
    ['status: completed', 'status: failed', ['test paid: expect status completed → failed']],
    ['name: paid', 'name: not paid', ['test removed: paid', 'test added: not paid']],
    ['title: failed }', 'title: failed, link: x }', ['step staff.task: with link added: x']],
  ])('%j becomes %j', (from, to, lines) => {
    expect(changes(from, to)).toEqual(lines);
  });

  test('a step that moves into another list, and a list that goes as a whole', () => {
    const inside = BEFORE.replace(SMS, '').replace(
      '        with: { team: finance, text: open }\n',
      `        with: { team: finance, text: open }\n${SMS.replace(/^/gm, '    ').trimEnd()}\n`,
    );
    expect(diffFlows(read(BEFORE), read(inside))).toEqual(['step sms.send moved behind staff.notify']);
    const without = BEFORE.replace(/ {2}- if: invoice[^]*?text: open \}\n/, '');
    expect(diffFlows(read(BEFORE), read(without))).toEqual(['step if invoice.open > money(vars.limit) removed']);
  });

  test('comments, quotes, indentation and the order of keys make no difference', () => {
    const other = BEFORE.replace('flow: dunning', 'flow: "dunning"   # a comment')
      .replace('    with: { to: =customer.phone, text: hello }', "    with:\n      text: 'hello'\n      to: =customer.phone")
      .replace('one-per: invoice.id\n', '')
      .replace('tests:', 'one-per: invoice.id\n\ntests:')
      .replaceAll('\n', '\r\n');
    expect(diffFlows(read(BEFORE), read(other))).toEqual([]);
  });

  test.each(globSync('src/flows/test/examples/*.yaml'))('%s does not differ from itself, and from nothing by every step', (file) => {
    const flow = read(readFileSync(file, 'utf8'));
    expect(diffFlows(flow, flow)).toEqual([]);
    const lines = diffFlows({ ...flow, steps: [], onFailure: [] }, flow);
    expect(lines.length).toBe(flow.steps.length + flow.onFailure.length);
  });
});
