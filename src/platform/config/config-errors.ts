/** What can be wrong with the settings. All problems are reported at once, under `config.invalid`. */
import { defineErrors } from '../../kernel/errors.ts';

export const configErrors = defineErrors('config', {
  invalid: {
    status: 500,
    title: 'The settings are not usable',
    remedy: 'fix',
    help: 'Settings are environment variables, or lines NAME=value in a file .env; .env.example lists them all.',
  },
  unknown: { status: 500, title: 'There is no setting with this name', remedy: 'fix' },
  value: { status: 500, title: 'The setting does not have an accepted value', remedy: 'fix' },
  missing: { status: 500, title: 'The setting is needed and has no value', remedy: 'fix' },
  conflict: { status: 500, title: 'The setting does not go together with another one', remedy: 'fix' },
  'file-readable': {
    status: 500,
    title: 'The file with settings can be read by every user of this machine',
    remedy: 'fix',
    help: 'chmod 600 .env',
  },
});
