/**
 * The certificates that PayPal signs webhooks with.
 *
 * A delivery does not carry its certificate; it names an address (`paypal-cert-url`), and the check of a signature may not call
 * out. So certificates come from two places:
 *
 * 1. the connection's setting `webhookCertificates`, which `webhook.register` fills, or a person;
 * 2. this process's memory. A delivery with an address that is not known yet is refused and its address noted, if it is one of
 *    PayPal's own. The next call of the connection that may call out fetches it; PayPal repeats a refused delivery up to 25 times over
 *    three days, and `register` puts what was fetched into the settings for all processes and restarts.
 *
 * What makes a fetched certificate trustworthy is that it came from an exact host of PayPal's over TLS, which the host's gateway
 * checks, without redirects; then its name and its dates.
 */
import { X509Certificate, type KeyObject } from 'node:crypto';
import type { Context } from '@kassaflow/plugin-sdk';
import { CERTIFICATE_HOSTS, CERTIFICATE_NAME, CERTIFICATE_PATH } from './assumptions.ts';
import type { Settings } from './settings.ts';

/** Addresses noted per connection: more is somebody trying addresses. */
const MOST_WANTED = 8;
/** How often a connection fetches: whoever can reach the door can name addresses, and must not slow payments down with it. */
const EVERY_MS = 60_000;
const MOST_CONNECTIONS = 500;
const MOST_FETCHED = 32;
const MOST_PARSED = 128;
/** PayPal's are 5 KB with their chain. */
const LONGEST_PEM = 20_000;
const TIMEOUT_MS = 2_000;

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Connection → addresses that a delivery named and nobody has fetched. */
const wanted = new Map<string, Set<string>>();
/** Connection → when it last fetched. */
const lastRounds = new Map<string, number>();
/** Address → PEM. */
const fetched = new Map<string, string>();
/** PEM, of one certificate or several → what is in it: reading one costs several times as much as checking a signature with it. */
const parsed = new Map<string, readonly Certificate[]>();

/** What counts of a certificate that has PayPal's name. */
export interface Certificate {
  readonly pem: string;
  readonly publicKey: KeyObject;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly until: number;
}

/** Reads an address out of a header: PayPal's own, of this connection's mode, or why not. */
export function certificateAddress(header: string, mode: 'test' | 'live'): { readonly url: string } | 'foreign' | 'other-mode' {
  let url: URL;
  try {
    url = new URL(header);
  } catch {
    return 'foreign';
  }
  const isPlain = url.protocol === 'https:' && url.port === '' && url.username === '' && url.password === '' && url.search === '';
  if (!isPlain || url.hash !== '' || !CERTIFICATE_PATH.test(url.pathname)) return 'foreign';
  if (CERTIFICATE_HOSTS[mode].includes(url.hostname)) return { url: `https://${url.hostname}${url.pathname}` };
  return CERTIFICATE_HOSTS[mode === 'test' ? 'live' : 'test'].includes(url.hostname) ? 'other-mode' : 'foreign';
}

/** The certificates that may have signed a delivery which names `url`: those of the settings, and the fetched one. Good at `at` only. */
export function certificatesFor(settings: Settings, url: string, at: number): readonly Certificate[] {
  const known = [...read(settings.webhookCertificates ?? ''), ...read(fetched.get(url) ?? '').slice(0, 1)];
  return known.filter((certificate) => isGood(certificate, at));
}

/** Notes an address for the next call that may call out. */
export function want(connectionId: string, url: string): void {
  if (fetched.has(url)) return;
  const urls = wanted.get(connectionId) ?? new Set();
  if (urls.size < MOST_WANTED) urls.add(url);
  if (wanted.size < MOST_CONNECTIONS || wanted.has(connectionId)) wanted.set(connectionId, urls);
}

/**
 * Fetches what the connection's deliveries named: all at the same time, and once a minute at most. Never fails: without a certificate
 * deliveries stay refused, and PayPal sends them again.
 */
export async function fetchWanted(context: Context<Settings>): Promise<void> {
  const { connection, log } = context;
  const urls = wanted.get(connection.id);
  const at = context.now().getTime();
  if (!urls || at - (lastRounds.get(connection.id) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
  wanted.delete(connection.id);
  remember(lastRounds, MOST_CONNECTIONS, connection.id, at);
  await Promise.all(
    [...urls].map(async (url) => {
      const pem = await fetchPem(context, url);
      if (pem === undefined) log.warn('A certificate of PayPal’s webhooks could not be fetched', { url });
      else remember(fetched, MOST_FETCHED, url, pem);
    }),
  );
}

/** All that the settings should hold: what they hold, and what was fetched since, without those that have ended. */
export function knownCertificates(context: Context<Settings>): string {
  const { settings, mode } = context;
  const ours = [...fetched].flatMap(([url, pem]) => (typeof certificateAddress(url, mode) === 'object' ? read(pem).slice(0, 1) : []));
  const at = context.now().getTime();
  const good = [...read(settings.webhookCertificates ?? ''), ...ours].filter(({ until }) => until >= at);
  return [...new Set(good.map(({ pem }) => pem))].join('\n');
}

async function fetchPem(context: Context<Settings>, url: string): Promise<string | undefined> {
  try {
    const response = await context.fetch(url, {
      redirect: 'error',
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const text = await response.text();
    // The first is PayPal's own; those after it are who vouches for it.
    const [own] = text.length <= LONGEST_PEM ? read(text) : [];
    return response.status === 200 && own && isGood(own, context.now().getTime()) ? text : undefined;
  } catch {
    return undefined;
  }
}

function isGood({ from, until }: Certificate, at: number): boolean {
  return from <= at && at <= until;
}

function read(text: string): readonly Certificate[] {
  const known = parsed.get(text);
  if (known) return known;
  const certificates = (text.match(BLOCK) ?? []).flatMap((pem) => readOne(pem.trim()) ?? []);
  remember(parsed, MOST_PARSED, text, certificates);
  return certificates;
}

function readOne(pem: string): Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem);
    if (!CERTIFICATE_NAME.test(certificate.subject)) return undefined;
    const { publicKey, validFrom, validTo } = certificate;
    return { pem, publicKey, from: Date.parse(validFrom), until: Date.parse(validTo) };
  } catch {
    return undefined;
  }
}

function remember<V>(store: Map<string, V>, most: number, key: string, value: V): void {
  if (store.size >= most) store.delete(store.keys().next().value ?? '');
  store.set(key, value);
}
