import { randomUUID } from 'node:crypto';
import { subject as coin } from '../coin/test/conformance.ts';
import { webhook, fall, type Row } from './replace.ts';

export const WEBHOOK_ROWS: readonly Row[] = [
  [
    'W1 ff.: trusts everything',
    coin,
    webhook(() => ({ verify: () => ({ ok: true, eventId: 'e' }) })),
    ['W2', 'W3', 'W4', 'W5', 'W8', 'W9'],
    /a refusal of byte 0 changed/,
  ],
  [
    'W1: trusts nothing',
    coin,
    webhook(() => ({ verify: () => ({ ok: false, reason: 'signature-mismatch' }) })),
    ['W1', 'W10', 'W5', 'W6', 'W8', 'W9'],
    /^ok/,
  ],
  [
    'W4: breaks when there is no signature',
    coin,
    webhook((was) => ({
      verify: (context, given) => (given.headers['coin-signature'] === undefined ? fall() : was.verify(context, given)),
    })),
    ['W4'],
    /a verdict.*fell/,
  ],
  [
    'W6: knows one secret only',
    coin,
    webhook((was) => ({
      verify: (context, given) =>
        was.verify(
          { ...context, settings: { ...context.settings, webhookSecrets: (context.settings['webhookSecrets'] as string[]).slice(0, 1) } },
          given,
        ),
    })),
    ['W6'],
    /either of two secrets/,
  ],
  [
    'W9: takes a repeat for something new',
    coin,
    webhook((was) => ({
      verify: async (context, given) =>
        ((verdict) => (verdict.ok ? { ...verdict, eventId: randomUUID() } : verdict))(await was.verify(context, given)),
    })),
    ['W9'],
    /one id for an event/,
  ],
  [
    'W12: breaks at a type that it does not know',
    coin,
    webhook((was) => ({
      translate: async (context, given) => ((signals) => (signals.length === 0 ? fall() : signals))(await was.translate(context, given)),
    })),
    ['W12'],
    /a list of signals.*fell/,
  ],
];
