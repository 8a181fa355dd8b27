import type { DeclineReason } from '@kassaflow/plugin-sdk';

/**
 * The bank's response code → what it means and whether trying again can help: ISO 8583:1987 field 39, as the card schemes use it. That
 * Softpay's `responseCode` is this field is an inference. A card that is there can be tapped again, so "retryable" is about the card.
 */
export const RESPONSE_CODES: Readonly<Record<string, readonly [DeclineReason, retryable: boolean]>> = {
  '01': ['card-declined', true],
  '04': ['fraud', false],
  '05': ['card-declined', true],
  '07': ['fraud', false],
  '12': ['technical', false],
  '13': ['limit', false],
  '14': ['account-closed', false],
  '33': ['card-expired', false],
  '34': ['fraud', false],
  '41': ['fraud', false],
  '43': ['fraud', false],
  '46': ['account-closed', false],
  '51': ['insufficient-funds', true],
  '54': ['card-expired', false],
  '55': ['authentication-failed', true],
  '57': ['card-declined', false],
  '59': ['fraud', false],
  '61': ['limit', true],
  '62': ['card-declined', false],
  '65': ['limit', true],
  '75': ['authentication-failed', false],
  '91': ['technical', true],
  '96': ['technical', true],
};
