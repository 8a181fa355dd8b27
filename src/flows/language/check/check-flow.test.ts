import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fullVocabulary, tenantVocabulary } from '../../test/full-vocabulary.ts';
import { compile } from '../compile.ts';
import { renderDiagnostics } from '../diagnostic.ts';
import { DIAGNOSTICS } from '../diagnostics.ts';
import { editorSchema } from '../json-schema.ts';
import { checkFlow } from './check-flow.ts';

const head = 'kassaflow: 1\nflow: a-flow\non: payment.completed\n';
const withSteps = (steps: string, top = '') => `${head}${top}steps:\n${steps}\n`;
const sms = '  - do: sms.send\n    with: { to: =customer.phone, text: hello }';
const found = (source: string, vocabulary = fullVocabulary) => checkFlow(source, vocabulary).diagnostics;
const codes = (source: string, vocabulary = fullVocabulary) => found(source, vocabulary).map(({ code }) => code);

/** Nineteen mistakes of people who write their first flow. */
const NINETEEN = `kassaflow: 1
flow: Dunning
title: Reminder: pay now
on: payment.faild
when: payment.staus == "failed"
unless: !payment.test
stepz: 1
steps:
  - id: try-again
    do: payment.charge
    with: { invoice: =invoice.id, methd: saved }
  - wait: 3 dayz
  - do: sms.sned
    with: { to: 0612345678, text: {{ customer.name }} }
  - if: payment.amount > 500
    then:
      - do: staff.notify
        with: { team: finance, text: "{{ custmer.name }}" }
  - if: steps.chrge.status = "paid"
    thn: []
  - do: email.send
    wait: 1d
    with: { to: =customer.emial }
  - do: http.call
    with: { method: POST, path: /x, body: { key: sk_live_EXAMPLE } }
`;

describe('the checker', () => {
  test('finds nineteen mistakes in one run, each with its place and a suggestion', () => {
    const errors = found(NINETEEN).filter(({ severity }) => severity === 'error');
    expect(errors.map(({ place, code }) => `${place.line}:${place.column} ${code}`)).toEqual([
      '2:7 flow.name',
      '3:8 flow.colon',
      '4:5 flow.unknown-event',
      '5:15 flow.unknown-field',
      '6:9 flow.exclamation',
      '7:1 flow.unknown-key',
      '9:9 flow.step-id',
      '11:35 flow.unknown-input',
      '12:11 flow.duration',
      '13:9 flow.unknown-action',
      '14:17 flow.leading-zero',
      '14:35 flow.braces',
      '15:9 flow.money-number',
      '18:42 flow.unknown-name',
      '19:28 flow.comparison',
      '20:5 flow.unknown-key',
      '22:5 flow.two-verbs',
      '23:27 flow.unknown-field',
      '25:50 flow.secret',
    ]);
    for (const { help } of errors) expect(help).not.toBe('');
    expect(errors.find(({ code }) => code === 'flow.money-number')?.help).toBe('write  payment.amount > money("500 EUR")');
    expect(errors.find(({ code }) => code === 'flow.duration')?.help).toBe('did you mean 3 days?');
  });

  test('prints place, line, carets and what to write', () => {
    const source = withSteps(sms, 'when: payment.staus == "failed"\n');
    expect(renderDiagnostics(found(source), source, 'flows/a-flow.yaml')).toBe(
      'flows/a-flow.yaml:4:15 flow.unknown-field payment has no field "staus".\n   4 | when: payment.staus == "failed"\n     |               ^^^^^\n     = did you mean payment.status?',
    );
  });

  test('every code has a sentence, a suggestion and an explanation', () => {
    for (const spec of Object.values(DIAGNOSTICS))
      for (const text of [spec.sentence, spec.help, spec.explanation]) expect(text.length).toBeGreaterThan(5);
    expect(Object.keys(DIAGNOSTICS).length).toBeGreaterThanOrEqual(40);
  });

  test.each(readdirSync('src/flows/test/examples'))('%s has no mistake', (file) => {
    expect(found(readFileSync(`src/flows/test/examples/${file}`, 'utf8')).filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  test.each(readdirSync('flows').filter((name) => name.endsWith('.yaml')))('flows/%s can be published and compiled', (file) => {
    const source = readFileSync(`flows/${file}`, 'utf8');
    const { flow, diagnostics } = checkFlow(source, tenantVocabulary);
    expect(diagnostics).toEqual([]);
    expect(flow && compile(flow, source, fullVocabulary).name).toBe(file.replace('.yaml', ''));
  });

  test.each<[row: string, source: string, code: string]>([
    ['C01', '', 'flow.empty'],
    ['C01', '# nothing\n', 'flow.empty'],
    ['C02', `${head}steps:\n\t- do: sms.send\n`, 'flow.tab'],
    ['C03', withSteps(sms, 'title: a\ntitle: b\n'), 'flow.duplicate-key'],
    ['C04', withSteps('  - if: *x\n    stop: a'), 'flow.alias'],
    ['C04', withSteps(sms, 'title: &a hello\n'), 'flow.alias'],
    [
      'C05',
      'a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\ne: &e [*d,*d]\nf: &f [*e,*e]\ng: &g [*f,*f]\nh: &h [*g,*g]\ni: [*h,*h]\n',
      'flow.alias',
    ],
    ['C06', withSteps(sms, 'title: !!js/function x\n'), 'flow.tag'],
    ['C06', withSteps(sms, 'title: !evil x\n'), 'flow.tag'],
    ['C06', withSteps(sms, 'title: !!binary aGk=\n'), 'flow.tag'],
    ['C07', withSteps(sms, 'vars:\n  <<: { a: 1 }\n'), 'flow.merge-key'],
    ['C08', `${withSteps(sms)}---\na: 1\n`, 'flow.several-documents'],
    ['C09', `# ${'x'.repeat(262_143)}`, 'flow.too-large'],
    ['C10', `a: ${'['.repeat(20_000)}`, 'flow.too-deep'],
    ['C10', Array.from({ length: 65 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), 'flow.too-deep'],
    ['C10', `a:\n  ${'- '.repeat(70)}x\n`, 'flow.too-deep'],
    ['C12', withSteps(sms, 'vars: { __proto__: 1 }\n'), 'flow.forbidden-key'],
    ['C13', withSteps('  - do: payment.charge\n    with: { invoice: x, amount: 1.10 }'), 'flow.money'],
    ['C14', withSteps('  - do: payment.charge\n    with: { invoice: x, amount: 1_000 }'), 'flow.money'],
    ['C14', withSteps('  - do: payment.charge\n    with: { invoice: x, amount: 1e3 }'), 'flow.money'],
    ['C14', withSteps('  - do: payment.charge\n    with: { invoice: x, amount: 0x10 }'), 'flow.money'],
    ['C14', withSteps('  - do: payment.charge\n    with: { invoice: x, amount: .5 }'), 'flow.money'],
    ['C14', withSteps('  - do: payment.charge\n    with: { invoice: x, amount: "1,10 EUR" }'), 'flow.money'],
    ['C14', withSteps('  - do: payment.charge\n    with: { invoice: x, amount: "10.005 EUR" }'), 'flow.money'],
    ['C15', withSteps('  - set: { account: 01234 }'), 'flow.leading-zero'],
    ['C16', `%YAML 1.1\n---\n${withSteps(sms)}`, 'flow.yaml-version'],
    ['C17', withSteps('  - set: { id: 12345678901234567890 }'), 'flow.number-unsafe'],
    ['C18', `${head}step: []\n`, 'flow.unknown-key'],
    ['C19', withSteps('  - do: payment.refnd\n    with: { payment: x }', 'one-per: payment.id\n'), 'flow.unknown-action'],
    ['C20', withSteps('  - do: sms.send\n    with: { to: x }'), 'flow.missing-input'],
    ['C20', withSteps('  - do: credit.add\n    with: { customer: x, credits: many }'), 'flow.input-kind'],
    ['C20', withSteps('  - do: credit.add\n    with: { customer: x, credits: =payment.status }'), 'flow.input-kind'],
    ['C20', withSteps('  - do: sms.send\n    with: { to: x, text: y, colour: red }'), 'flow.unknown-input'],
    ['C21', withSteps(`  - id: a\n    stop: x\n  - id: a\n    stop: y`), 'flow.duplicate-id'],
    ['C21', withSteps('  - id: my step\n    stop: x'), 'flow.step-id'],
    ['C21', withSteps('  - id: event\n    stop: x'), 'flow.reserved-id'],
    [
      'C22',
      withSteps(
        `  - if: steps.later.outcome == "ok"\n    do: sms.send\n    with: { to: x, text: y }\n  - id: later\n    do: sms.send\n    with: { to: x, text: y }`,
      ),
      'flow.later-step',
    ],
    ['C22', withSteps('  - if: steps.nothing.outcome == "ok"\n    stop: x'), 'flow.unknown-step'],
    ['C23', withSteps('  - run: a-flow'), 'flow.cycle'],
    ['C24', withSteps(`  - stop: done\n${sms}`), 'flow.unreachable'],
    ['C25', withSteps(`${sms}\n    retry: { times: -1 }`), 'flow.range'],
    ['C25', withSteps(`${sms}\n    retry: { times: 1000 }`), 'flow.range'],
    ['C25', withSteps(`${sms}\n    retry: { times: 3, first: 5 m }`), 'flow.duration'],
    ['C26', withSteps('  - do: payment.charge\n    with: { invoice: x }\n    on-unknown: resend'), 'flow.on-unknown'],
    ['C27', withSteps('  - repeat: 11\n    steps:\n      - do: payment.charge\n        with: { invoice: x }'), 'flow.money-loop'],
    ['C27', withSteps('  - do: payment.refund\n    with: { payment: x }'), 'flow.refund-one-per'],
    ['C28', `kassaflow: 1\nflow: a-flow\non: custom.again\nsteps:\n  - emit: custom.again\n`, 'flow.self-trigger'],
    ['C29', withSteps(`${sms}\n    via: nobody`), 'flow.unknown-connection'],
    ['C29', withSteps(`${sms}\n    via: mail`), 'flow.connection-plugin'],
    ['C30', withSteps('  - set: { key: sk_live_4eC39HqLyjWDarjtT1zdp7dc }'), 'flow.secret'],
    ['C31', `kassaflow: 1\nflow: a-flow\non: { cron: "* * * * * *" }\nsteps:\n  - stop: x\n`, 'flow.cron'],
    ['C31', `kassaflow: 1\nflow: a-flow\non: { cron: "61 * * * *" }\nsteps:\n  - stop: x\n`, 'flow.cron'],
    ['C31', `kassaflow: 1\nflow: a-flow\non: { cron: "0 0 30 2 *" }\nsteps:\n  - stop: x\n`, 'flow.cron'],
    ['C31', `kassaflow: 1\nflow: a-flow\non: { schedule: every full moon }\nsteps:\n  - stop: x\n`, 'flow.schedule'],
    ['C32', withSteps(sms, 'timezone: CET+1\n'), 'flow.time-zone'],
    ['C32', withSteps(sms, 'timezone: Europe/Amsterdm\n'), 'flow.time-zone'],
    ['C33', withSteps(sms).replace('kassaflow: 1', 'kassaflow: 99'), 'flow.version'],
    ['C35', withSteps(sms.replace('    with', '\u00a0\u00a0\u00a0\u00a0with')), 'flow.indent'],
    ['C35', withSteps(sms, 'title: \u201chello\u201d\n'), 'flow.smart-quotes'],
    ['C36', withSteps('  - if: money("1 EUR") < money("1 NOK")\n    stop: x'), 'flow.currency-mix'],
    ['D01', withSteps('  - if: payment.constructor == "x"\n    stop: x'), 'flow.unknown-field'],
    ['D02', withSteps('  - if: process.env.HOME == "x"\n    stop: x'), 'flow.unknown-name'],
    ['D04', withSteps('  - if: payment.id.matches("(?=a)")\n    stop: x'), 'flow.regex'],
    ['D06', withSteps(`  - if: ${'('.repeat(300)}true${')'.repeat(300)}\n    stop: x`), 'flow.expression-limit'],
    ['D07', withSteps(`  - if: payment.id == "${'x'.repeat(2_048)}"\n    stop: x`), 'flow.expression-limit'],
    ['D08', withSteps('  - if: 1 / 0 > 1\n    stop: x'), 'flow.zero-division'],
    ['D10', withSteps('  - if: payment.status > 9\n    stop: x'), 'flow.types'],
    ['D10', withSteps('  - if: 1 + "a" == "b"\n    stop: x'), 'flow.types'],
    ['D11', withSteps('  - if: event.paymnt.id == "x"\n    stop: x'), 'flow.unknown-field'],
    ['D14', withSteps('  - if: 0.1 + 0.2 == 0.3\n    stop: x'), 'flow.float'],
    ['D16', withSteps('  - if: payment.status\n    stop: x'), 'flow.not-boolean'],
    ['D18', withSteps('  - if: payment.id == "sk_live_4eC39HqLyjWDarjtT1zdp7dc"\n    stop: x'), 'flow.secret'],
    ['E01', withSteps('  - stop: "{{#if payment.id}}"'), 'flow.template'],
    ['E02', withSteps('  - stop: "{{ shout payment.id }}"'), 'flow.template-helper'],
    ['E05', withSteps('  - stop: "{{{ payment.id }}}"'), 'flow.template-not-allowed'],
    ['E08', withSteps('  - stop: "{{ payment.idd }}"'), 'flow.unknown-field'],
    ['trap', withSteps("  - if: 'failed' == payment.status\n    stop: x"), 'flow.condition-quotes'],
    ['trap', withSteps('  - stop: {{ payment.id }} is done'), 'flow.braces'],
    ['trap', withSteps('  - stop: pay #123 now'), 'flow.comment-in-text'],
    ['trap', `${head}steps:\n  -stop: x\n`, 'flow.kind'],
    ['trap', withSteps('  - if: payment.status == "failed" and payment.test\n    stop: x'), 'flow.word-operator'],
    ['trap', withSteps('  - if: =payment.test\n    stop: x'), 'flow.equals-mark'],
    ['trap', withSteps('  - if: payment.status == "complete"\n    stop: x'), 'flow.impossible-value'],
    ['trap', withSteps('  - stop: "{{ payment.amount }}"'), 'flow.template-object'],
    ['trap', withSteps('  - then:\n      - stop: x'), 'flow.condition-needed'],
    ['trap', withSteps('  - wait-for: invoice.paid'), 'flow.correlation'],
    ['trap', withSteps('  - if: shout(payment.id)\n    stop: x'), 'flow.unknown-function'],
  ])('%s is found: %j', (_, source, code) => {
    const diagnostics = found(source, tenantVocabulary);
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toContain(code);
    for (const { help, place } of diagnostics)
      expect([help.length > 0, place.line > 0, place.column > 0, place.length > 0]).toEqual([true, true, true, true]);
  });

  test('C03: a duplicate key says where the first one is', () => {
    expect(found(withSteps(sms, 'title: a\ntitle: b\n'))[0]).toMatchObject({
      place: { line: 5 },
      message: '"title" is here twice; the first is on line 4.',
    });
  });

  test('C05 C11: nested maps and anchors take no time', () => {
    expect(codes(`a: ${"['a: b', ".repeat(30)}${']'.repeat(30)}\n`)).toContain('flow.unknown-key');
  });

  test('C16: country: NO is Norway', () => {
    const source = withSteps('  - set: { country: NO, on: yes }');
    const { flow } = checkFlow(source, fullVocabulary);
    const [step] = flow ? compile(flow, source, fullVocabulary).steps : [];
    expect(step?.verb === 'set' && [step.values['country']?.evaluate({}), step.values['on']?.evaluate({})]).toEqual(['NO', 'yes']);
  });

  test('C30: a secret is never repeated in the message', () => {
    const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
    const [diagnostic] = found(withSteps(`  - set: { key: ${secret} }`));
    expect(JSON.stringify(diagnostic)).not.toContain(secret);
  });

  test('C35: CRLF and a byte order mark are fine', () => {
    expect(found(`\ufeff${withSteps(sms).replaceAll('\n', '\r\n')}`)).toEqual([]);
  });

  test('the editor schema lists every action and stays small', () => {
    const schema = JSON.stringify(editorSchema(fullVocabulary));
    for (const { name } of fullVocabulary.actions) expect(schema).toContain(`"${name}"`);
    expect(schema.length).toBeLessThan(64_000);
  });

  test('no text crashes it', () => {
    const whole = readFileSync('src/flows/test/examples/refund-approval.yaml', 'utf8');
    const piece = fc.constantFrom(
      'steps:\n',
      '  - ',
      'do: sms.send\n',
      '    with: ',
      '{ a: b',
      '}',
      '[',
      ']',
      '"',
      "'",
      ': ',
      '\n',
      '\t',
      '{{',
      '}}',
      '=',
      '!x',
      '&a',
      '*a',
      '|\n',
      '>\n',
      '#',
      '---\n',
      '%YAML',
      'if: ',
      'on: ',
      '\u00a0',
      '- - -',
      '? ',
      '<<: ',
    );
    const random = fc.array(piece, { maxLength: 40 }).map((parts) => parts.join(''));
    const damaged = fc
      .tuple(fc.nat(whole.length), fc.nat(20), fc.oneof(fc.string({ maxLength: 6 }), piece))
      .map(([at, length, text]) => whole.slice(0, at) + text + whole.slice(at + length));
    fc.assert(
      fc.property(fc.oneof(random, damaged, fc.string({ maxLength: 200 })), (source) => {
        const { diagnostics, flow } = checkFlow(source, fullVocabulary);
        if (flow) compile(flow, source, fullVocabulary);
        for (const { help, place } of diagnostics) expect([help !== '', place.line >= 1]).toEqual([true, true]);
      }),
      { numRuns: 700 },
    );
  });
});
