/**
 * The traffic of one connection: how many calls at once, when to hold back, when to stop asking.
 *
 * - A connection with a limit is called at its pace, over all processes ({@link ConnectionPaces}).
 * - Above 256 calls at once further ones wait in line, within their own time; waiting, they surely did nothing.
 * - A `rate-limited` answer holds all calls of the connection back, in every process, until the provider's time is over.
 * - Ten calls in a row without a usable answer open the breaker for ten seconds; then one call is let through to try.
 */
import {
  BrokenCircuitError,
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhenResult,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import { failed, type Outcome } from '@kassaflow/plugin-sdk';
import type { Clock } from '../kernel/clock.ts';
import { STOOD_STILL } from './action-call.ts';
import type { PacedConnection } from './connection-paces.ts';

const AT_ONCE = 256;
const FAILURES_TO_OPEN = 10;
const OPEN_MS = 10_000;
const DEFAULT_HOLD_MS = 1_000;
/** Calls that were held back come again over this time, so that they do not all come at once. */
const SPREAD_MS = 2_000;

/** The codes of calls that were turned away here, without the provider: they are tried again and count as no attempt. */
export const NOT_LET_OUT: ReadonlySet<string> = new Set(['connection.held', 'connection.paced']);

/** What a lane asks of the pace over all processes. */
export interface LanePace {
  held(): number;
  take(connection: PacedConnection, withinMs: number): Promise<boolean>;
  hold(connection: PacedConnection, forMs: number): void;
}

export class ConnectionLane {
  readonly #clock: Clock;
  readonly #breaker: CircuitBreakerPolicy;
  readonly #pace: LanePace;
  /** The connection as it was last opened; its limit may change. */
  connection: PacedConnection = { id: '', tenantId: '', perSecond: undefined };
  #inside = 0;
  readonly #line: (() => void)[] = [];

  constructor(clock: Clock, pace: LanePace) {
    this.#clock = clock;
    this.#pace = pace;
    this.#breaker = circuitBreaker(handleWhenResult(isNoAnswer), {
      halfOpenAfter: OPEN_MS,
      breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    });
  }

  /** True while calls are turned away without asking the provider. */
  get open(): boolean {
    return this.#breaker.state === CircuitState.Open;
  }

  /** Runs `work` when there is room. `work` gets the milliseconds that are left and must not reject. */
  async run<T>(timeoutMs: number, work: (timeoutMs: number) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const held = this.#pace.held();
    if (held > 0)
      return failed('rate-limited', 'The provider asked to wait', { code: 'connection.held', retryAfterMs: Math.ceil(held + spread()) });
    let left = timeoutMs;
    if (this.#inside >= AT_ONCE) {
      const since = this.#clock.elapsed();
      if (!(await this.#wait(timeoutMs)))
        return failed('temporary', 'Too many calls of this connection are under way', { code: 'connection.busy' });
      left = Math.max(1, timeoutMs - (this.#clock.elapsed() - since));
    }
    this.#inside += 1;
    try {
      if (this.connection.perSecond !== undefined && !this.open) {
        const since = this.#clock.elapsed();
        if (!(await this.#pace.take(this.connection, left))) return paced();
        left = Math.max(1, left - (this.#clock.elapsed() - since));
      }
      const outcome = await this.#breaker.execute(() => work(left));
      if (outcome.kind === 'failed' && outcome.reason === 'rate-limited')
        this.#pace.hold(this.connection, outcome.retryAfterMs ?? DEFAULT_HOLD_MS);
      return outcome;
    } catch (error) {
      if (error instanceof BrokenCircuitError)
        return failed('temporary', 'The provider did not answer ten times in a row; it is asked again shortly', {
          code: 'connection.breaker-open',
          retryAfterMs: OPEN_MS,
        });
      throw error;
    } finally {
      this.#inside -= 1;
      this.#line.shift()?.();
    }
  }

  #wait(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#line.splice(this.#line.indexOf(go), 1);
        resolve(false);
      }, timeoutMs);
      this.#line.push(go);
    });
  }
}

function spread(): number {
  return Math.random() * SPREAD_MS;
}

function paced(): Outcome<never> {
  return failed('rate-limited', 'The connection has more calls to make than its pace allows', {
    code: 'connection.paced',
    retryAfterMs: Math.ceil(500 + spread()),
  });
}

/** A plugin that is being restarted, and a process that stood still, say nothing about the provider. */
function isNoAnswer(result: unknown): boolean {
  const outcome = result as Outcome<unknown>; // the breaker only ever sees outcomes
  return outcome.kind === 'unknown' || (outcome.kind === 'failed' && outcome.reason === 'temporary' && !OF_OURS.has(outcome.code ?? ''));
}

const OF_OURS: ReadonlySet<string> = new Set(['plugin.unavailable', STOOD_STILL]);
