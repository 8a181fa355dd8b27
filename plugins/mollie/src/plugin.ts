import { definePlugin, ok, type CheckResult, type Context } from '@kassaflow/plugin-sdk';
import { callMollie, HOST, modeOf } from './client.ts';
import { mandates } from './mandates.ts';
import { payments } from './payments.ts';
import { settings, type Settings } from './settings.ts';
import { CALLS_PER_SECOND } from './unverified.ts';
import { webhook } from './webhook.ts';

export default definePlugin({
  id: 'mollie',
  title: 'Mollie',
  about: {
    en: 'iDEAL, Bancontact, cards, SEPA direct debit, PayPal and more, on Mollie’s page or with card fields on yours.',
    nl: 'iDEAL, Bancontact, kaarten, SEPA-incasso, PayPal en meer, op de pagina van Mollie of met kaartvelden op die van u.',
    da: 'iDEAL, Bancontact, kort, SEPA Direct Debit, PayPal og mere, på Mollies side eller med kortfelter på din.',
    nb: 'iDEAL, Bancontact, kort, SEPA Direct Debit, PayPal og mer, på siden til Mollie eller med kortfelt på din.',
  },
  version: '0.1.0',
  api: 1,
  hosts: [HOST],
  callsPerSecond: CALLS_PER_SECOND,
  connection: { settings, check },
  payments,
  mandates,
  webhook,
});

/** Asks whose key it is, and then whose token. */
async function check(context: Context<Settings>): Promise<CheckResult> {
  const profile = await callMollie(context, 'read', async (mollie) => ok(await mollie.profiles.getCurrent()));
  if (profile.kind !== 'ok') return refusedBy(profile, 'apiKey');
  const { name, id, mode } = profile.value;
  const { profileId } = context.settings;
  if (profileId !== undefined && profileId !== id) return { ok: false, message: `This key is of the profile ${id}.`, field: 'profileId' };
  if (String(mode) !== context.mode) return { ok: false, message: `Mollie says that this key is for ${mode} mode.`, field: 'apiKey' };
  if (context.settings.organizationToken !== undefined) {
    const organization = await callMollie(context, 'read', async (mollie) => ok(await mollie.organizations.getCurrent()), 'organization');
    if (organization.kind !== 'ok') return refusedBy(organization, 'organizationToken');
  }
  return { ok: true, account: `${name} (${id})`, mode: modeOf(context.settings.apiKey) };
}

function refusedBy(outcome: { readonly message: string; readonly code?: string; readonly field?: string }, field: string): CheckResult {
  const isRefused = outcome.field !== undefined || outcome.code === '401' || outcome.code === '403';
  return { ok: false, message: outcome.message, ...(isRefused ? { field } : {}) };
}
