/** What can be wrong with the keys and with what they keep closed. */
import { defineErrors } from '../../kernel/errors.ts';

export const secretsErrors = defineErrors('secrets', {
  'key-mismatch': {
    status: 500,
    title: 'The master key is not the one that the secrets in this database were sealed with',
    remedy: 'fix',
    help: 'Start with the right KASSAFLOW_MASTER_KEY (or master.key file). After a rotation, give the old one as KASSAFLOW_MASTER_KEY_PREVIOUS.',
  },
  unreadable: {
    status: 500,
    title: 'A stored secret cannot be opened: it was altered, or belongs to another place',
    remedy: 'never',
    help: 'Restore the row from a backup, or enter the secret again.',
  },
  'key-file-unusable': {
    status: 500,
    title: 'The file with the master key cannot be used',
    remedy: 'fix',
    help: 'It must be a file of base64 of 32 bytes that only this user can read (chmod 600).',
  },
});
