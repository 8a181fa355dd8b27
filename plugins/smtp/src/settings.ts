import type { From, Schema } from '@kassaflow/plugin-sdk';

export const settings = {
  type: 'object',
  required: ['host', 'from'],
  properties: {
    host: { type: 'string', title: 'Server', minLength: 1, maxLength: 253, 'x-placeholder': 'smtp.example.com' },
    port: { type: 'integer', title: 'Port', minimum: 1, maximum: 65_535, default: 587 },
    security: {
      type: 'string',
      title: 'Encryption',
      description: 'starttls (port 587), tls from the first byte (port 465), or none, for a server on this machine only.',
      enum: ['starttls', 'tls', 'none'],
      default: 'starttls',
    },
    username: { type: 'string', title: 'User name', maxLength: 254 },
    password: { type: 'string', title: 'Password', maxLength: 512, 'x-secret': true },
    from: {
      type: 'string',
      format: 'email',
      title: { en: 'Sender address', nl: 'Afzenderadres', da: 'Afsenderadresse', nb: 'Avsenderadresse' },
      maxLength: 254,
    },
    fromName: { type: 'string', title: { en: 'Sender name', nl: 'Afzendernaam', da: 'Afsendernavn', nb: 'Avsendernavn' }, maxLength: 100 },
    dkimDomain: { type: 'string', title: 'DKIM domain', maxLength: 253, 'x-advanced': true },
    dkimSelector: { type: 'string', title: 'DKIM selector', maxLength: 63, 'x-advanced': true },
    dkimPrivateKey: {
      type: 'string',
      title: 'DKIM private key',
      description: 'PEM, RSA of 2048 bits or more.',
      maxLength: 8000,
      'x-secret': true,
      'x-multiline': true,
      'x-advanced': true,
    },
  },
} as const satisfies Schema;

export type Settings = From<typeof settings>;
