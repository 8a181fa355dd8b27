/**
 * Leases on rows: work in hand is marked with the moment at which it is anybody's again, and its worker moves that moment on
 * as long as it lives. So work of any length can be under a short lease, and a process that dies is missed after seconds.
 *
 * A lease is a hint and no lock. A worker that was only slow may find that another has begun the same work, so whatever is
 * done under one must be harmless when it is done twice at the same time.
 */

/** How long work in hand stays with a worker that gives no sign of life, in milliseconds. */
export const LEASE_MS = 5_000;

const RENEWALS_PER_LEASE = 3;

/**
 * Does `work` and calls `renew` three times per lease until it has ended; work shorter than that costs one timer. A renewal
 * that fails is left to the next one: when none succeeds the lease runs out, which is what leases are for.
 */
export async function underLease<T>(renew: () => Promise<unknown>, work: () => Promise<T>, leaseMs = LEASE_MS): Promise<T> {
  let renewal: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    renewal ??= renew()
      .catch(() => undefined)
      .finally(() => (renewal = undefined));
  }, leaseMs / RENEWALS_PER_LEASE);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    // One that is under way must not move the moment on after the caller has recorded the end of the work.
    await renewal;
  }
}
