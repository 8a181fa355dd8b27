import { createHash } from 'node:crypto';
import type { Transporter } from 'nodemailer';
import type { Options, SentMessageInfo } from 'nodemailer/lib/smtp-pool/index.js';
import type { Settings } from './settings.ts';

type Mailer = Transporter<SentMessageInfo, Options>;

/** A second beyond what a polite server takes to answer; the host's own deadline is 15 s. */
const TIMEOUT_MS = 12_000;
const MAX_CONNECTIONS = 3;
/** More connections of tenants than this at a time, and the one unused for longest is closed. */
const MAX_POOLS = 16;

const pools = new Map<string, Mailer>();

/** The pool of open SMTP connections for these settings; a change of settings makes another. */
export async function mailerFor(settings: Readonly<Settings>): Promise<Mailer> {
  const key = createHash('sha256').update(JSON.stringify(settings)).digest('hex');
  const open = pools.get(key);
  if (open) {
    // Moves it to the end of the map: the first one is always the one unused for longest.
    pools.delete(key);
    pools.set(key, open);
    return open;
  }
  const nodemailer = await import('nodemailer');
  const mailer = nodemailer.createTransport(optionsOf(settings));
  pools.set(key, mailer);
  const [oldest] = pools.keys();
  if (pools.size > MAX_POOLS && oldest !== undefined) {
    pools.get(oldest)?.close();
    pools.delete(oldest);
  }
  return mailer;
}

/** Ends all open connections. */
export function closeMailers(): void {
  for (const mailer of pools.values()) mailer.close();
  pools.clear();
}

function optionsOf({
  host,
  port = 587,
  security = 'starttls',
  username,
  password,
  dkimDomain,
  dkimSelector,
  dkimPrivateKey,
}: Readonly<Settings>): Options {
  return {
    pool: true,
    maxConnections: MAX_CONNECTIONS,
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { minVersion: 'TLSv1.2' },
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    // A template must never make the library read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(username === undefined || password === undefined ? {} : { auth: { user: username, pass: password } }),
    ...(dkimDomain && dkimSelector && dkimPrivateKey
      ? { dkim: { domainName: dkimDomain, keySelector: dkimSelector, privateKey: dkimPrivateKey } }
      : {}),
  };
}
