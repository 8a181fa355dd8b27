import { egressErrors } from './egress-errors.ts';
import { isPublicAddress, literalAddress } from './public-address.ts';

/** Where a request really goes. */
export interface Destination {
  /** Scheme, host and port to connect to. */
  readonly origin: string;
  /** Value of the `Host` header: the host that was asked for, also when it is mapped elsewhere. */
  readonly host: string;
  /** True when every address that the name resolves to must be public. */
  readonly guarded: boolean;
}

const PORTS = new Set(['', '443', '8443']);

/**
 * The operator's rules for requests to the outside. By default only public https hosts can be called.
 *
 * - `map` (`KASSAFLOW_EGRESS_MAP`, and every pretend provider that runs): requests for one origin go to another one; how
 *   tests and the demo lead a plugin to a local server without a setting in the plugin.
 * - `allow` (`KASSAFLOW_EGRESS_ALLOW`): `host` or `host:port` of the own network that may be called as it is, with http too.
 */
export class EgressRules {
  readonly #map: Map<string, string>;
  readonly #allow: ReadonlySet<string>;

  constructor(map: ReadonlyMap<string, string> = new Map(), allow: readonly string[] = []) {
    this.#map = new Map(map);
    this.#allow = new Set(allow.map((host) => host.toLowerCase()));
  }

  /** Leads every later request for `origin` to `target`, or nowhere special again when `target` is absent. */
  lead(origin: string, target: string | undefined): void {
    if (target === undefined) this.#map.delete(origin);
    else this.#map.set(origin, target);
  }

  /** @throws egress.scheme, egress.port, egress.credentials, egress.private-address */
  destinationOf(url: URL): Destination {
    const mapped = this.#map.get(url.origin);
    if (mapped !== undefined) return { origin: mapped, host: url.host, guarded: false };
    if (url.username || url.password) throw egressErrors.credentials({ host: url.hostname });
    if (this.#allows(url)) return { origin: url.origin, host: url.host, guarded: false };
    if (url.protocol !== 'https:') throw egressErrors.scheme({ found: url.protocol.slice(0, 20) });
    if (!PORTS.has(url.port)) throw egressErrors.port({ found: url.port });
    const literal = literalAddress(url.hostname);
    // The guard on names never sees a literal address: a socket does not look those up.
    if (literal !== undefined && !isPublicAddress(literal)) throw egressErrors['private-address']({ host: url.hostname });
    return { origin: url.origin, host: url.host, guarded: true };
  }

  #allows(url: URL): boolean {
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return false;
    // An address leaves out the port that its scheme has by itself.
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return this.#allow.has(url.hostname) || this.#allow.has(`${url.hostname}:${port}`);
  }
}

/** Parses an address for a call. @throws egress.address */
export function parseAddress(text: string, relativeTo?: string): URL {
  const url = URL.parse(text, relativeTo);
  if (!url?.hostname) throw egressErrors.address({ found: text.slice(0, 80).replace(/[?#].*$/, '') });
  return url;
}
