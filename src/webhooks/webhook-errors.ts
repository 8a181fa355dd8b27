import type { RefusalReason } from '@kassaflow/plugin-sdk';
import { defineErrors, type ErrorSpec } from '../kernel/errors.ts';

const refused = (title: string, help?: string): ErrorSpec => ({ status: 401, title, remedy: 'fix', ...(help !== undefined && { help }) });

/** Why a delivery of a provider is not taken, or not found. An address that does not exist gets no hint whether anything like it does. */
export const webhookErrors = defineErrors('webhooks', {
  'unknown-address': { status: 404, title: 'There is nothing at this address', remedy: 'fix' },
  'unknown-delivery': { status: 404, title: 'There is no delivery with this id', remedy: 'fix' },
  'signature-missing': refused('The delivery is not signed'),
  'signature-format': refused('The signature is not written as this provider writes it'),
  'signature-scheme': refused('The delivery is signed in a way that is not accepted'),
  'signature-mismatch': refused(
    'The signature does not belong to this delivery',
    'Check the secret of the connection, and that nothing on the way changes the body.',
  ),
  'timestamp-format': refused('The time of the delivery is not written as this provider writes it'),
  'timestamp-old': refused('The delivery was signed too long ago', 'Check the clocks of this machine and of the sender.'),
  'timestamp-future': refused('The delivery was signed in the future', 'Check the clocks of this machine and of the sender.'),
  'mode-mismatch': refused('The delivery is of a test account and the connection is not, or the reverse'),
} satisfies Record<RefusalReason | 'unknown-address' | 'unknown-delivery', ErrorSpec>);
