import type { SubjectName } from '../../events/catalogue/subjects.ts';
import type { Data } from './flow-test.ts';
import { sampleOf } from './samples/samples.ts';
import { isRecord } from '../../kernel/record.ts';

/** Where a subject that nobody describes is taken from. */
const MODELS: Readonly<Record<SubjectName, readonly [type: string, sample: string]>> = {
  payment: ['payment.completed', 'invoice-paid'],
  invoice: ['invoice.overdue', 'plain'],
  customer: ['invoice.overdue', 'plain'],
  order: ['payment.completed', 'credit-package-100'],
  refund: ['refund.requested', 'refund-small'],
  receipt: ['receipt.issued', 'example'],
  subscription: ['subscription.renewed', 'monthly'],
  request: ['request.created', 'example'],
};

/** A typical subject of this kind. */
export function modelOf(name: SubjectName): Data {
  const [type, sample] = MODELS[name];
  const model = sampleOf(type, sample)?.[name];
  return isRecord(model) ? model : {};
}
