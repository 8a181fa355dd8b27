/**
 * Whether this process should get requests.
 *
 * starting → ready: when everything is up, `main` says so. ready → stopping: at the first sign of a shutdown, before
 * anything is closed, so that a load balancer looks elsewhere while requests under way end. A failing check (the database
 * is away) makes a ready process unready for as long as it fails, and never restarts it.
 */
import { Injectable, type BeforeApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';

export type ReadinessState = 'starting' | 'ready' | 'stopping';

/** Resolves when a part works, rejects when it does not. */
export type ReadinessCheck = () => Promise<unknown>;

export interface ReadinessReport {
  readonly ready: boolean;
  readonly state: ReadinessState;
  readonly checks: Readonly<Record<string, 'ok' | 'failing'>>;
}

/** A check that has not answered after so long counts as failing. */
const CHECK_MS = 2_000;

@Injectable()
export class Readiness implements OnModuleDestroy, BeforeApplicationShutdown {
  readonly #checks = new Map<string, ReadinessCheck>();
  #state: ReadinessState = 'starting';

  /** Adds a part that must work. */
  check(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  /** Everything is up. */
  opened(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  /** Also called by hand when a process decides to leave by itself. */
  stopping(): void {
    this.#state = 'stopping';
  }

  onModuleDestroy(): void {
    this.stopping();
  }

  beforeApplicationShutdown(): void {
    this.stopping();
  }

  async report(): Promise<ReadinessReport> {
    const results = await Promise.all([...this.#checks].map(async ([name, check]) => [name, await passes(check)] as const));
    return {
      ready: this.#state === 'ready' && results.every(([, ok]) => ok),
      state: this.#state,
      checks: Object.fromEntries(results.map(([name, ok]) => [name, ok ? 'ok' : 'failing'])),
    };
  }
}

async function passes(check: ReadinessCheck): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), CHECK_MS)));
  try {
    return await Promise.race([check().then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
