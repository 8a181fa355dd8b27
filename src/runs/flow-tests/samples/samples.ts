/** Samples: realistic payloads that tests of flows start from, by the type of the event and a name. */
import { catalogue, findEvent } from '../../../events/catalogue/catalogue.ts';
import { nearest } from '../../../kernel/nearest.ts';
import type { Data } from '../flow-test.ts';
import { creditSamples } from './credit-samples.ts';
import { invoiceSamples } from './invoice-samples.ts';
import { paymentSamples } from './payment-samples.ts';
import type { Samples } from './sample-world.ts';
import { receiptSamples } from './receipt-samples.ts';
import { refundSamples } from './refund-samples.ts';
import { subscriptionSamples } from './subscription-samples.ts';

/** By type of event. Every type of the catalogue also has the sample `example`, which is the one that its page shows. */
export const samples: ReadonlyMap<string, Samples> = new Map(
  Object.entries({ ...paymentSamples, ...invoiceSamples, ...refundSamples, ...receiptSamples, ...creditSamples, ...subscriptionSamples }),
);

/** The payload of the sample called `name`, of the catalogue's example without a name; `undefined` when there is none. */
export function sampleOf(type: string, name = 'example'): Data | undefined {
  const named = samples.get(type);
  if (named && Object.hasOwn(named, name)) return named[name];
  return name === 'example' ? findEvent(type)?.example : undefined;
}

/** What to write when `type` has no sample `name`. */
export function sampleHelp(type: string, name: string): string {
  const names = ['example', ...Object.keys(samples.get(type) ?? {})];
  const near = nearest(name, names);
  if (near !== undefined) return `did you mean ${near}?`;
  const elsewhere = [...catalogue.keys()].filter((other) => Object.hasOwn(samples.get(other) ?? {}, name));
  return elsewhere.length > 0
    ? `${name} is a sample of ${elsewhere.join(', ')}; ${type} has ${names.join(', ')}`
    : `${type} has ${names.join(', ')}`;
}
