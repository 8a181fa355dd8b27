import type { Desk, Mode } from './desk.ts';
import { openMollieDesk } from './mollie-desk.ts';
import { openPaypalDesk } from './paypal-desk.ts';
import { openSoftpayDesk } from './softpay-desk.ts';
import { openStripeDesk } from './stripe-desk.ts';
import { openVippsDesk } from './vipps-desk.ts';

/** Every provider that has a desk, by its plugin's id. */
export const DESKS = {
  stripe: openStripeDesk,
  mollie: openMollieDesk,
  'vipps-mobilepay': openVippsDesk,
  paypal: openPaypalDesk,
  softpay: openSoftpayDesk,
} as const satisfies Readonly<Record<string, (mode?: Mode) => Promise<Desk>>>;

export type DeskName = keyof typeof DESKS;
