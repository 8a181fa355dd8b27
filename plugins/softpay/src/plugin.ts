import { definePlugin, type CheckResult, type Context } from '@kassaflow/plugin-sdk';
import { callSoftpay } from './client.ts';
import { payments } from './payments.ts';
import { settings, type Settings } from './settings.ts';
import { askToken } from './tokens.ts';
import { API_HOSTS, AUTH_HOSTS, CALLS_PER_SECOND } from './wire.ts';

export default definePlugin({
  id: 'softpay',
  title: 'Softpay (experimental)',
  about: {
    en: 'Experimental: cards tapped on an Android phone, asked for from here. Not yet tried against Softpay itself.',
    nl: 'Experimenteel: kaarten op een Android-telefoon, vanaf hier gevraagd. Nog niet tegen Softpay zelf geprobeerd.',
    da: 'Eksperimentel: kort på en Android-telefon, bedt om herfra. Endnu ikke prøvet mod Softpay selv.',
    nb: 'Eksperimentell: kort på en Android-telefon, bedt om herfra. Ennå ikke prøvd mot Softpay selv.',
  },
  version: '0.1.0',
  api: 1,
  hosts: [...Object.values(AUTH_HOSTS), ...Object.values(API_HOSTS)],
  callsPerSecond: CALLS_PER_SECOND,
  connection: { settings, check },
  payments,
});

/** Sandbox and live are two places, so where the credentials are accepted tells what they are. */
async function check(context: Context<Settings>): Promise<CheckResult> {
  const { mode } = context;
  const merchants = await callSoftpay(context, 'read', { method: 'GET', path: '/merchants' });
  if (merchants.kind === 'ok') return { ok: true, account: `Softpay merchant ${context.settings.merchant}`, mode };
  if (merchants.kind !== 'failed' || merchants.reason !== 'auth') return { ok: false, message: merchants.message };
  const elsewhere = await askToken(context, mode === 'test' ? 'live' : 'test');
  return elsewhere.kind === 'ok'
    ? { ok: false, message: `This is a ${mode} connection, and these credentials are for the other mode.`, field: 'clientId' }
    : { ok: false, message: merchants.message, field: merchants.field ?? 'clientSecret' };
}
