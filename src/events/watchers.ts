/**
 * Who watches which events, found by what an event is about: an event costs as much as there are watchers of it, however many
 * others are connected.
 */
import { kindOf } from '../platform/auth/follower.ts';
import type { DomainEvent } from './event.ts';

/** What a watcher wants to hear about: a subject (`payment/pay_…`), or all of a kind (`payment/*`). */
export type About = string;

/** A watcher as the index needs it. */
export interface Indexed {
  readonly tenantId: string;
  /** `undefined` for everything of the tenant. */
  readonly about: readonly About[] | undefined;
}

/** The end of an {@link About} that means all of a kind. */
const ALL_OF_KIND = '/*';

interface OfTenant<W> {
  readonly everything: Set<W>;
  /** By subject, and by `kind/*`. */
  readonly byAbout: Map<About, Set<W>>;
  size: number;
}

/** The index. */
export class Watchers<W extends Indexed> {
  readonly #tenants = new Map<string, OfTenant<W>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Tenants of which anybody watches anything. */
  tenants(): IterableIterator<string> {
    return this.#tenants.keys();
  }

  add(watcher: W): void {
    const tenant = this.#tenants.get(watcher.tenantId) ?? { everything: new Set(), byAbout: new Map(), size: 0 };
    this.#tenants.set(watcher.tenantId, tenant);
    const before = tenant.size;
    if (!watcher.about) {
      if (!tenant.everything.has(watcher)) tenant.size += 1;
      tenant.everything.add(watcher);
    } else {
      const sets = watcher.about.map((about) => setOf(tenant.byAbout, about));
      if (!sets.some((set) => set.has(watcher))) tenant.size += 1;
      for (const set of sets) set.add(watcher);
    }
    this.#size += tenant.size - before;
  }

  /** Tells whether it was there. */
  delete(watcher: W): boolean {
    const tenant = this.#tenants.get(watcher.tenantId);
    if (!tenant) return false;
    let found = tenant.everything.delete(watcher);
    for (const about of watcher.about ?? []) {
      const set = tenant.byAbout.get(about);
      if (set?.delete(watcher)) found = true;
      if (set?.size === 0) tenant.byAbout.delete(about);
    }
    if (!found) return false;
    tenant.size -= 1;
    this.#size -= 1;
    if (tenant.size === 0) this.#tenants.delete(watcher.tenantId);
    return true;
  }

  clear(): void {
    this.#tenants.clear();
    this.#size = 0;
  }

  /** Who wants to hear about it, each once. Watchers may be added and deleted while the list is gone through. */
  of({ tenantId, subject }: Pick<DomainEvent, 'tenantId' | 'subject'>): ReadonlySet<W> {
    const tenant = this.#tenants.get(tenantId);
    if (!tenant) return new Set();
    const found = new Set(tenant.everything);
    for (const watcher of tenant.byAbout.get(subject) ?? []) found.add(watcher);
    for (const watcher of tenant.byAbout.get(kindOf(subject) + ALL_OF_KIND) ?? []) found.add(watcher);
    return found;
  }
}

/** The subjects and the kinds among `about`, apart: `payment/*` is the kind `payment`. */
export function splitAbout(about: readonly About[]): { readonly subjects: string[]; readonly kinds: string[] } {
  return {
    subjects: about.filter((one) => !one.endsWith(ALL_OF_KIND)),
    kinds: about.filter((one) => one.endsWith(ALL_OF_KIND)).map((one) => one.slice(0, -ALL_OF_KIND.length)),
  };
}

function setOf<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  let set = map.get(key);
  if (!set) map.set(key, (set = new Set()));
  return set;
}
