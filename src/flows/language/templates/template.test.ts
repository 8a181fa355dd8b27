import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { objectShape, type Shape } from '../shape.ts';
import { checkTemplate } from './check-template.ts';
import { compileTemplate } from './template.ts';

const text: Shape = { kind: 'string' };
const shapes = {
  payment: objectShape({ id: text, amount: { kind: 'money' }, description: text, completedAt: { kind: 'instant' } }),
  customer: objectShape({ name: text, firstName: text, locale: text }),
  inputs: objectShape({
    invoices: { kind: 'list', items: objectShape({ number: text, open: { kind: 'money' } }) },
    count: { kind: 'int' },
  }),
};
const scope = {
  payment: {
    id: 'pay_1',
    amount: { amount: '1234.50', currency: 'EUR' },
    description: 'Licence <2026>',
    completedAt: '2026-11-20T23:30:00Z',
  },
  customer: { name: 'Kim & Zn', firstName: 'Kim', locale: 'nl' },
  inputs: { invoices: [{ number: '2026-1' }, { number: '2026-2' }], count: 2 },
};
const render = (source: string, given: object = scope, html = false) =>
  compileTemplate(source, { shapes, html, timeZone: 'Europe/Amsterdam' }).evaluate({ ...given });
const codes = (source: unknown, html = false) => checkTemplate(source, objectShape(shapes), html).problems.map(({ code }) => code);

describe('templates', () => {
  test.each([
    ['nl', '€ 1.234,50'],
    ['en', '€1,234.50'],
    ['da', '1.234,50 €'],
    ['nb', '1 234,50 €'],
    ['fi', '€1,234.50'],
  ])('an amount for a reader of %s is %s, without spaces that an SMS cannot carry', (locale, expected) => {
    expect(render('{{ money payment.amount }}', { ...scope, customer: { locale } })).toBe(expected);
  });

  test.each([
    ["{{ customer.firstName }}, {{ join inputs.invoices 'number' ', ' }}", 'Kim, 2026-1, 2026-2'],
    ['{{ payment.description }}', 'Licence <2026>'],
    ['{{ date payment.completedAt }} {{ time payment.completedAt }}', '21 nov 2026 00:30'],
    ['{{ upper customer.firstName }} {{ lower customer.firstName }}', 'KIM kim'],
    ['{{ inputs.count }} {{ plural inputs.count "invoice" "invoices" }}', '2 invoices'],
    ['{{#each inputs.invoices}}{{ this.number }}{{#unless @last}}+{{/unless}}{{/each}}', '2026-1+2026-2'],
    ['{{#if customer.name}}yes{{else}}no{{/if}}', 'yes'],
    ['{{ default payment.nothing "none" }}', 'none'],
  ])('%s gives %s', (source, expected) => expect(render(source)).toBe(expected));

  test('a field that is absent is empty, not "undefined"', () => {
    expect(render('[{{ customer.firstName }}|{{ money payment.amount }}|{{ join inputs.invoices }}]', {})).toBe('[||]');
  });

  test('mail is escaped and a plain text is not', () => {
    expect(render('{{ customer.name }}', scope, true)).toBe('Kim &amp; Zn');
    expect(render('{{ customer.name }}')).toBe('Kim & Zn');
  });

  test.each<[row: string, source: unknown, code: string, html?: boolean]>([
    ['E01', '{{#if payment.id}}', 'template.syntax'],
    ['E01', 'Dear {{customer.name', 'template.syntax'],
    ['E02', '{{ shout customer.name }}', 'template.helper'],
    ['E02', '{{* n }}', 'template.decorator'],
    ['E02', '{{> footer }}', 'template.partial'],
    ['E02', '{{#loop inputs.invoices}}{{/loop}}', 'template.helper'],
    ['E03', { type: 'Program', body: [] }, 'template.type'],
    ['E04', '{{ constructor.constructor }}', 'template.unknown-field'],
    ['E04', '{{ customer.__proto__ }}', 'template.unknown-field'],
    ['E04', '{{ lookup this "__proto__" }}', 'template.helper'],
    ['E05', '{{{ customer.name }}}', 'template.raw', true],
    ['E05', '{{& customer.name }}', 'template.raw', true],
    ['E06', '<a href={{ link payment.id }}>', 'template.attribute', true],
    ['E06', '<a href="{{ payment.id }}">', 'template.attribute', true],
    ['E07', '<script>var a = "{{ customer.name }}"</script>', 'template.context', true],
    ['E07', '<style>{{ customer.name }}</style>', 'template.context', true],
    ['E08', '{{ custmer.name }}', 'template.unknown-field'],
    ['E08', '{{ customer.emial }}', 'template.unknown-field'],
    ['money', '{{ payment.amount }}', 'template.object'],
    ['@root', '{{ @root.payment.id }}', 'template.unsupported'],
    ['block parameters', '{{#each inputs.invoices as |i|}}{{ i.number }}{{/each}}', 'template.unsupported'],
  ])('%s: %j is refused', (_, source, code, html = false) => expect(codes(source, html)).toContain(code));

  test('E06: a link only leads to https', () => {
    expect(() => render('<a href="{{ link payment.id }}">', { payment: { id: 'javascript:alert(1)' } }, true)).toThrow(
      expect.objectContaining({ code: 'template.value' }),
    );
    expect(render('<a href="{{ link payment.id }}">', { payment: { id: 'https://a.example/x' } }, true)).toBe(
      '<a href="https://a.example/x">',
    );
  });

  test('E09: 1,500 times 1,500 rounds are refused long before they are done', () => {
    const list = Array.from({ length: 1_500 }, () => 1);
    expect(() =>
      render('{{#each inputs.invoices}}{{#each ../inputs.invoices}}x{{/each}}{{/each}}', { inputs: { invoices: list } }),
    ).toThrow(expect.objectContaining({ code: 'template.budget' }));
  });

  test('E10: a text that grows too long is refused', () => {
    const list = Array.from({ length: 5_000 }, () => 1);
    expect(() => render(`{{#each inputs.invoices}}${'x'.repeat(100)}{{/each}}`, { inputs: { invoices: list } })).toThrow(
      expect.objectContaining({ code: 'template.output' }),
    );
  });

  test('E15: what a customer typed is text, whatever it looks like', () => {
    expect(render('{{ customer.name }}', { customer: { name: '<img src=x onerror=alert(1)>{{ payment.id }}' } }, true)).toBe(
      '&lt;img src&#x3D;x onerror&#x3D;alert(1)&gt;{{ payment.id }}',
    );
  });

  test('it names the roots that it reads', () => {
    expect(
      [
        ...compileTemplate('{{ money payment.amount }} {{#if customer.name}}{{ inputs.count }}{{/if}}', { shapes, timeZone: 'UTC' }).reads,
      ].toSorted(),
    ).toEqual(['customer', 'inputs', 'payment']);
  });

  test('no text makes it hang or throw anything but our own errors', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '{{#if ',
      '{{/if}}',
      '{{#each ',
      '{{/each}}',
      '{{{',
      'customer.name',
      'inputs.invoices',
      ' ',
      '../',
      '@',
      '"',
      'money ',
      '(',
      ')',
      '|',
      '>',
      '*',
      '&',
      '~',
      '!--',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (parts) => {
        try {
          render(parts.join(''));
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^template\./);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
