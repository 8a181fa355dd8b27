/** Whether the database answers right now. */
import type { Pool } from 'pg';

/** Longest time a check may take, in milliseconds. */
const PATIENCE_MS = 2_000;

/** Injected by this class as the token. */
export class DatabaseHealth {
  readonly #pool: Pick<Pool, 'query'>;
  #running: Promise<boolean> | undefined;

  constructor(pool: Pick<Pool, 'query'>) {
    this.#pool = pool;
  }

  /** Asks the database; everybody who asks at the same moment shares one question. Never rejects. */
  isReachable(): Promise<boolean> {
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #ask(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, false);
    });
    const answer = this.#pool.query('select 1').then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
