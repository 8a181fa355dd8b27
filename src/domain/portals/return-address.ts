/**
 * What may be the address of a portal. Read by the WHATWG URL parser, as browsers do, after everything was refused that parsers
 * are known to disagree about.
 */

/** In `test`, http on this computer is taken too: a developer's portal. */
export type PortalMode = 'test' | 'live';

/** The printable ASCII characters of an address: browsers drop tabs and line ends, and read a backslash as a slash. */
const PLAIN = /^[!#-;=?-[\]_a-z~]{1,2000}$/i;
const AUTHORITY = /^https?:\/\/([^/?#]+)/i;
const HOST = /^([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])$/;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The address that a payer may be sent to, or nothing. Its host is written as browsers write it, so that the eye sees the host that
 * they go to: no user or password, no percent signs, no numbers for an address.
 */
export function readReturnAddress(text: string, mode: PortalMode): URL | undefined {
  const url = PLAIN.test(text) ? URL.parse(text) : null;
  const written = AUTHORITY.exec(text)?.[1]
    ?.replace(/:[0-9]+$/, '')
    .toLowerCase();
  if (!url || written !== url.hostname || !HOST.test(written)) return undefined;
  if (url.protocol === 'https:') return url;
  return mode === 'test' && url.protocol === 'http:' && isLoopback(url) ? url : undefined;
}

/** The origin that `text` names and nothing beyond it: scheme, host, and a port that is not the scheme's own. */
export function readOrigin(text: string, mode: PortalMode): string | undefined {
  const url = readReturnAddress(text, mode);
  return url && /^https?:\/\/[^/?#]+$/i.test(text) ? url.origin : undefined;
}

/** What is said of an address that payers are to be led back to. */
export type ReturnVerdict = 'taken' | 'not-an-address' | 'not-listed';

/**
 * Judges an address that payers are to be led back to, by the rules of docs/decisions/0016-return-addresses.md.
 * @param own where Kassaflow itself is: what lies there is always taken
 * @param listed the origins of the tenant's portals
 */
export function judgeReturnAddress(
  text: string,
  { own, listed, mode }: { readonly own: string; readonly listed: readonly string[]; readonly mode: PortalMode },
): ReturnVerdict {
  if (text === own || text.startsWith(`${own}/`)) return 'taken';
  const url = readReturnAddress(text, mode);
  if (!url) return 'not-an-address';
  if (mode === 'test' && (listed.length === 0 || isLoopback(url))) return 'taken';
  return listed.includes(url.origin) ? 'taken' : 'not-listed';
}

function isLoopback({ hostname }: URL): boolean {
  return LOOPBACK.includes(hostname);
}
