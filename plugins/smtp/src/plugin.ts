import { definePlugin } from '@kassaflow/plugin-sdk';
import { isOneAddress } from './address.ts';
import { mailerFor } from './client.ts';
import { outcomeOf } from './outcomes.ts';
import { smtpEmail } from './send-email.ts';
import { settings } from './settings.ts';

export default definePlugin({
  id: 'smtp',
  title: { en: 'E-mail (SMTP)', nl: 'E-mail (SMTP)', da: 'E-mail (SMTP)', nb: 'E-post (SMTP)' },
  about: {
    en: 'E-mail through your own mail server.',
    nl: 'E-mail via uw eigen mailserver.',
    da: 'E-mail via jeres egen mailserver.',
    nb: 'E-post via deres egen e-postserver.',
  },
  version: '0.1.0',
  api: 1,
  hosts: [],
  // SMTP is not HTTP: the plugin opens its own sockets.
  network: 'direct',
  connection: {
    settings,
    async check(context) {
      const { from, host } = context.settings;
      if (!isOneAddress(from)) return { ok: false, message: 'The sender is not one e-mail address.', field: 'from' };
      try {
        await (await mailerFor(context.settings)).verify();
        return { ok: true, account: `${from} at ${host}`, mode: context.mode };
      } catch (error) {
        const outcome = outcomeOf(error);
        if (outcome.kind === 'ok') return { ok: false, message: 'The mail server did not answer.' };
        return {
          ok: false,
          message: outcome.message,
          ...(outcome.kind === 'failed' && outcome.field !== undefined ? { field: outcome.field } : {}),
        };
      }
    },
  },
  actions: [smtpEmail],
});
