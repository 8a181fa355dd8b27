import { describe, expect, test } from '@jest/globals';
import { SubjectReaders } from '../events/subject-readers.ts';
import { customerExample, invoiceExample } from '../events/catalogue/examples.ts';
import { compileSource } from '../flows/language/compile.ts';
import { fullVocabulary } from '../flows/test/full-vocabulary.ts';
import { manualInputs } from './manual-inputs.ts';

const readers = new SubjectReaders();
readers.offer('customer', (_, ids) =>
  Promise.resolve(new Map(ids.flatMap((id) => (id === customerExample.id ? [[id, customerExample]] : [])))),
);
readers.offer('invoice', (_, ids) =>
  Promise.resolve(new Map(ids.flatMap((id) => (id === invoiceExample.id ? [[id, invoiceExample]] : [])))),
);

const flow = compileSource(
  `kassaflow: 1
flow: refund-by-hand
on:
  manual:
    inputs:
      customer: { type: customer }
      amount: { type: money }
      note: { type: text, optional: true }
      limit: { type: money, default: 10 EUR }
      way: { type: choice, choices: [bank, card], default: bank }
      phone: { type: phone, optional: true }
      urgent: { type: yes-no, optional: true }
      day: { type: date, optional: true }
      invoices: { type: invoices, optional: true }
steps:
  - stop: done
`,
  fullVocabulary,
);
const given = { customer: customerExample.id, amount: { amount: '12.5', currency: 'EUR' } };
const read = (more: Readonly<Record<string, unknown>> = {}) => manualInputs(flow, 'tenant', { ...given, ...more }, readers);

describe('the inputs of a flow that is started by hand', () => {
  test('reach the run with money in full, defaults filled in, and subjects as they are now', async () => {
    expect(await read({ invoices: [invoiceExample.id] })).toEqual({
      customer: customerExample,
      amount: { amount: '12.50', currency: 'EUR' },
      limit: { amount: '10.00', currency: 'EUR' },
      way: 'bank',
      invoices: [invoiceExample],
    });
  });

  test('an amount may be written as flows write it, which is how another flow hands one on', async () => {
    expect(await read({ amount: '12.5 EUR' })).toMatchObject({ amount: { amount: '12.50', currency: 'EUR' } });
    expect(await read({ amount: '12EUR' })).toMatchObject({ amount: { amount: '12.00', currency: 'EUR' } });
  });

  test.each<[string, Record<string, unknown>, string, string]>([
    ['a missing field', { amount: undefined }, '/inputs/amount', 'request.required'],
    ['an unknown field', { ammount: 1 }, '/inputs/ammount', 'request.unknown-field'],
    ['a text for an amount', { amount: '12.50' }, '/inputs/amount', 'request.type'],
    ['a number as an amount', { amount: { amount: 12.5, currency: 'EUR' } }, '/inputs/amount/amount', 'request.type'],
    ['a third decimal', { amount: { amount: '12.505', currency: 'EUR' } }, '/inputs/amount/amount', 'money.scale'],
    ['a currency that is none', { amount: { amount: '1.00', currency: 'XXX' } }, '/inputs/amount/currency', 'money.unknown-currency'],
    ['a choice that is not offered', { way: 'cash' }, '/inputs/way', 'request.choice'],
    ['a phone number without its country', { phone: '0612345678' }, '/inputs/phone', 'request.format'],
    ['a text for yes or no', { urgent: 'yes' }, '/inputs/urgent', 'request.type'],
    ['a day that does not exist', { day: '2026-02-30' }, '/inputs/day', 'request.format'],
    ['a customer that does not exist', { customer: 'cus_00000000000000000000000000' }, '/inputs/customer', 'id.format'],
    ['an id of another kind', { customer: invoiceExample.id }, '/inputs/customer', 'id.format'],
    [
      'an invoice that does not exist',
      { invoices: [invoiceExample.id, 'inv_00000000000000000000000000'] },
      '/inputs/invoices/1',
      'id.format',
    ],
  ])('%s is refused, with its place', async (_, more, pointer, code) => {
    await expect(read(more)).rejects.toMatchObject({ code: 'runs.input-invalid', problems: [{ pointer, code }] });
  });

  test('a flow without a manual trigger is not started by hand', async () => {
    const other = { ...flow, triggers: [] };
    await expect(manualInputs(other, 'tenant', {}, readers)).rejects.toMatchObject({ code: 'runs.not-manual' });
  });
});
