import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fullVocabulary, tenantVocabulary } from '../../test/full-vocabulary.ts';
import { compile } from '../compile.ts';
import { renderDiagnostics } from '../diagnostic.ts';
import { DIAGNOSTICS } from '../diagnostics.ts';
import { editorSchema } from '../json-schema.ts';
import { withFlows } from './check-calls.ts';
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
    ['C09', `# ${'x'.repeat(262_143)}`, 'flow.too-large'],
    ['C10', `${head}steps: ${'['.repeat(20_000)}\n`, 'flow.too-deep'],
    ['C10', `${head}steps:\n${'- '.repeat(65)}x\n`, 'flow.too-deep'],
    ['C35', withSteps(sms.replace('    with', '\u00a0\u00a0\u00a0\u00a0with')), 'flow.indent'],
    ['D06', withSteps(`  - if: ${'('.repeat(300)}true${')'.repeat(300)}\n    stop: x`), 'flow.expression-limit'],
    ['D07', withSteps(`  - if: payment.id == "${'x'.repeat(2_048)}"\n    stop: x`), 'flow.expression-limit'],
  ])('%s is found however large the text is', (_, source, code) => {
    expect(codes(source, tenantVocabulary)).toContain(code);
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

  test('C23: a circle among files that are checked together is found', () => {
    const one = withSteps('  - run: b-flow');
    const other = withSteps('  - run: a-flow').replace('flow: a-flow', 'flow: b-flow');
    const vocabulary = withFlows(fullVocabulary, [one, other]);
    expect([one, other].flatMap((source) => codes(source, vocabulary))).toEqual(['flow.cycle', 'flow.cycle']);
    expect(codes(one)).toEqual([]);
  });
});
