import { Socket } from 'node:net';

/** This machine, by the names and addresses under which local servers are called. */
const HERE = /^(localhost|127(\.\d+){3}|::1|\[::1\]|::ffff:127(\.\d+){3})$/;

/**
 * Runs `work` while this process can reach nobody but this machine, and gives the hosts that were tried: what a plugin sends past
 * `context.fetch` and `context.agent` is found, and never arrives. Every TCP and TLS client of Node ends in `Socket.connect`, `fetch` too.
 */
export async function offline<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly tried: readonly string[] }> {
  const tried = new Set<string>();
  // eslint-disable-next-line typescript/unbound-method -- put back as it was
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function guarded(this: Socket, ...given: unknown[]): Socket {
    const host = hostOf(given);
    if (host === undefined || HERE.test(host)) return Reflect.apply(connect, this, given) as Socket;
    tried.add(host);
    process.nextTick(() => this.destroy(Object.assign(new Error(`The kit lets nobody out to ${host}`), { code: 'ENETUNREACH' })));
    return this;
  };
  try {
    return { value: await work(), tried: [...tried] };
  } finally {
    Socket.prototype.connect = connect;
  }
}

/** Whom `connect` is asked for, in each of its forms; `undefined` for a socket in the file system. */
function hostOf(given: readonly unknown[]): string | undefined {
  const [first, second] = Array.isArray(given[0]) ? (given[0] as unknown[]) : given; // Node passes its own normalised list
  if (typeof first === 'object' && first !== null) {
    const { path, host, lookup } = first as { readonly path?: unknown; readonly host?: unknown; readonly lookup?: unknown };
    if (typeof path === 'string' && path !== '') return undefined;
    return pinned(lookup) ?? (typeof host === 'string' ? host : 'localhost');
  }
  if (typeof first === 'string' && !/^\d+$/.test(first)) return undefined;
  return typeof second === 'string' ? second : 'localhost';
}

/** The address that a client has chosen whatever the name is: undici puts it into a look-up that answers at once. */
function pinned(lookup: unknown): string | undefined {
  if (typeof lookup !== 'function') return undefined;
  let found: string | undefined;
  const answer = (_error: unknown, addresses: unknown): void => {
    const [first] = Array.isArray(addresses) ? (addresses as { readonly address?: unknown }[]) : [];
    if (typeof first?.address === 'string') found = first.address;
  };
  Reflect.apply(lookup, undefined, ['name.invalid', { all: true }, answer]);
  return found;
}
