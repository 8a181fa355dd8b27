/**
 * Keeps one plugin ready and carries calls to it. It is always in exactly one state:
 *
 * - `starting`: a process was started and has not said what it is. Calls wait for it, within their own time.
 * - `ready`: the manifest was checked; calls go through.
 * - `asleep`: the manifest is known and checked, and there is no process. The first call starts one, and waits like the others.
 * - `waiting`: the process ended by itself or was killed. A new one is started after a delay that doubles from 100 ms to 10 s.
 * - `broken`: five processes ended within ten minutes. The next is started after a rest of a minute; when that one ends too,
 *   another rest follows.
 * - `refused`: what the plugin said about itself is not acceptable. Nothing more happens until the application restarts.
 * - `stopped`: the application ends.
 *
 *     starting → ready → waiting → starting        the usual life, with a crash in it
 *     starting → asleep                            described for the first time: its process has said what it is, and is ended
 *              → asleep                            described at an earlier start, of the same files
 *     asleep   → starting                          its first call, or it has a connection and is woken before one
 *     starting → refused                           before it said what it is: bad manifest, throws at load, exits, hangs three times
 *     waiting  → broken  → starting
 *     any      → stopped
 *
 * A process that says something else than was known before, in this life or from an earlier start, is refused and what was remembered is
 * dropped: flows and connections were checked against the other. No call has reached it then, and a restart of the application takes
 * what it says now. So a description on disk is never believed alone once anything is done with the plugin.
 *
 * When a process ends, each call in it is answered `died`. Nothing here waits for a plugin without a limit.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { KassaflowError } from '../kernel/errors.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { checkManifest } from './check-manifest.ts';
import type { CallContext, ToHost } from './child/protocol.ts';
import type { CallRights, CallTraffic, EgressGateway } from './egress/gateway.ts';
import type { PluginManifest } from './manifest.ts';
import { pluginErrors } from './plugin-errors.ts';
import type { RememberedDescription } from './plugin-memory.ts';
import { DEFAULT_LIMITS, PluginProcess, type ProcessLimits } from './plugin-process.ts';

export type RunnerState = 'starting' | 'ready' | 'asleep' | 'waiting' | 'broken' | 'refused' | 'stopped';

/** What a call into the child came to. `left`: whether a request to the provider may have gone out. */
export type ChildResult =
  | { readonly kind: 'answer'; readonly value: unknown; readonly left: boolean }
  | { readonly kind: 'invalid' | 'threw' | 'died'; readonly message: string; readonly code: string; readonly left: boolean }
  | { readonly kind: 'late'; readonly left: boolean }
  /** Nothing left, and a request was kept back: whatever the plugin made of that is of no interest. */
  | { readonly kind: 'kept-back' }
  | { readonly kind: 'unavailable'; readonly message: string; readonly retryAfterMs: number };

export interface RunnerCall extends CallRights {
  readonly path: string;
  readonly context: CallContext;
  readonly input: unknown;
  readonly timeoutMs: number;
}

/** Where the runner reports to. `facts` may hold text of the plugin and must be redacted before it is written. */
export type RunnerLog = (level: 'info' | 'warn', message: string, facts: Readonly<Record<string, unknown>>) => void;

export interface RunnerOptions {
  readonly id: string;
  readonly folder: string;
  readonly command: (network: 'gateway' | 'direct') => readonly [string, ...string[]];
  readonly gateway: EgressGateway;
  readonly clock: Clock;
  readonly log: RunnerLog;
  /** The state, and with it what {@link PluginRunner.manifest} says, may have changed. */
  readonly moved?: () => void;
  /** What it said at earlier starts. */
  readonly memory?: RememberedDescription;
  readonly limits?: ProcessLimits;
  readonly loadMs?: number;
}

interface Pending {
  readonly path: string;
  readonly traffic: CallTraffic;
  readonly controller: AbortController;
  readonly timer: NodeJS.Timeout;
  readonly settle: (result: ChildResult) => void;
}

const LOAD_MS = 15_000;
/** Starts before a plugin that never says what it is in time is refused. */
const LOADS = 3;
const LATE: ReadonlySet<string> = new Set(['plugin.load', 'plugin.hung']);
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;
const CRASHES = 5;
const CRASH_WINDOW_MS = 10 * 60_000;
const REST_MS = 60_000;
/** One for all: an AbortController without a reason makes an exception with a stack for each call, of which nobody reads either. */
const OVER = new Error('the call is over');

export class PluginRunner {
  readonly #options: RunnerOptions;
  readonly #calls = new Map<string, Pending>();
  #state: RunnerState = 'starting';
  #process: PluginProcess | undefined;
  #loads = 0;
  #manifest: PluginManifest | undefined;
  #refusal: KassaflowError | undefined;
  #crashes: number[] = [];
  #nextStartAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #settled = Promise.withResolvers<void>();
  #network: 'gateway' | 'direct' = 'gateway';
  /** Its process is to say what it is, and no more. */
  #onlyDescribes = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  get state(): RunnerState {
    return this.#state;
  }

  get manifest(): PluginManifest | undefined {
    return this.#manifest;
  }

  /** Why it is refused. */
  get refusal(): KassaflowError | undefined {
    return this.#refusal;
  }

  /** The process that runs now, for operators and tests. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts the first process. Resolves when it is ready or refused; never rejects. */
  async start(): Promise<void> {
    this.#launch();
    await this.#settled.promise;
  }

  /**
   * Finds out what the plugin is, from what it said at an earlier start or from a process that is ended again. Resolves when it is asleep
   * or refused; never rejects.
   */
  async describe(): Promise<void> {
    if (this.#remembers(this.#options.memory?.recall())) return this.#sleep();
    this.#onlyDescribes = true;
    await this.start();
  }

  /** Starts the process of a plugin that sleeps. Resolves when it is ready, or is not to be had now; never rejects. */
  async wake(): Promise<void> {
    if (this.#state === 'asleep') this.#launch();
    if (this.#state === 'starting') await this.#settled.promise;
  }

  /** Ends the process; calls in it are answered. */
  stop(): void {
    this.#move('stopped');
    clearTimeout(this.#timer);
    this.#settled.resolve();
    this.#process?.kill('the application stops', 'plugin.exit');
    this.#endCalls('the application stops', 'plugin.exit');
  }

  /** Carries one call to the plugin. Never rejects and never takes longer than `timeoutMs`. */
  async call(call: RunnerCall): Promise<ChildResult> {
    const startedAt = this.#options.clock.elapsed();
    if (this.#state === 'asleep') this.#launch();
    if (this.#state === 'starting' && this.#manifest) await withinMs(this.#settled.promise, call.timeoutMs);
    if (this.#state !== 'ready') return this.#unavailable();
    return this.#carry(call, Math.max(1, call.timeoutMs - (this.#options.clock.elapsed() - startedAt)));
  }

  #carry({ path, context, input, ...rights }: RunnerCall, timeoutMs: number): Promise<ChildResult> {
    return new Promise((resolve) => {
      const id = randomUUID();
      const controller = new AbortController();
      const traffic = this.#options.gateway.open(id, rights, controller.signal);
      const timer = setTimeout(() => {
        this.#process?.send({ t: 'abort', id });
        this.#end(id, (left) => ({ kind: 'late', left }));
      }, timeoutMs);
      this.#calls.set(id, { path, traffic, controller, timer, settle: resolve });
      this.#process?.send({ t: 'call', id, path, context, input });
    });
  }

  /** Answers a call once; a second answer, or one after its time, finds nothing here. */
  #end(id: string, resultOf: (left: boolean) => ChildResult): boolean {
    const call = this.#calls.get(id);
    if (!call) return false;
    this.#calls.delete(id);
    clearTimeout(call.timer);
    // A plugin with its own sockets is not seen by the gateway: once it has the call, anything may have left.
    const left = call.traffic.left || this.#network === 'direct';
    this.#options.gateway.shut(id);
    call.controller.abort(OVER);
    call.settle(call.traffic.keptBack && !left ? { kind: 'kept-back' } : resultOf(left));
    return true;
  }

  #launch(): void {
    this.#move('starting');
    this.#settled = Promise.withResolvers<void>();
    const { command, folder, limits = DEFAULT_LIMITS, loadMs = LOAD_MS } = this.#options;
    this.#network = this.#manifest?.network ?? 'gateway';
    // Of a process that was let go nothing is heard any more.
    const isOurs = (): boolean => this.#process === child;
    const child: PluginProcess = new PluginProcess(
      command(this.#network),
      folder,
      {
        onMessage: (message) => isOurs() && this.#receive(message),
        onOutput: (text) => this.#options.log('info', 'plugin output', { output: text.trimEnd() }),
        onGone: (reason, code) => isOurs() && this.#gone(reason, code),
      },
      limits,
    );
    this.#process = child;
    this.#timer = setTimeout(() => child.kill('it did not say what it is in time', 'plugin.load'), loadMs);
  }

  #receive(message: ToHost): void {
    switch (message.t) {
      case 'manifest':
        return this.#accept(message.manifest);
      case 'broken':
        return this.#refuse(pluginErrors.load({ plugin: this.id, problem: String(message.reason).slice(0, 500) }));
      case 'answer':
        return this.#answered(message.id, (left) => ({ kind: 'answer', value: message.value, left }));
      case 'invalid':
        return this.#answered(message.id, (left) => ({
          kind: 'invalid',
          message: String(message.reason).slice(0, 500),
          code: 'plugin.result',
          left,
        }));
      case 'threw': {
        const denied = message.code === 'ERR_ACCESS_DENIED';
        const code = denied ? 'plugin.denied' : 'plugin.threw';
        return this.#answered(message.id, (left) => ({ kind: 'threw', message: String(message.message).slice(0, 500), code, left }));
      }
      case 'log':
        return this.#options.log(message.level === 'warn' ? 'warn' : 'info', String(message.message).slice(0, 2_000), {
          ...(typeof message.facts === 'object' ? message.facts : {}),
        });
      case 'pong':
        return;
    }
  }

  #answered(id: string, resultOf: (left: boolean) => ChildResult): void {
    if (!this.#end(String(id), resultOf))
      this.#options.log('warn', 'an answer came twice or after its time and is ignored', { code: 'plugin.late' });
  }

  #accept(raw: unknown): void {
    if (this.#state !== 'starting') return;
    try {
      const manifest = checkManifest(raw, this.id);
      if (this.#manifest && JSON.stringify(this.#manifest) !== JSON.stringify(manifest)) throw pluginErrors.changed({ plugin: this.id });
      if (!this.#manifest) this.#options.memory?.keep(raw);
      this.#know(manifest);
    } catch (error) {
      return this.#refuse(isKassaflowError(error) ? error : pluginErrors.manifest({ plugin: this.id }, { cause: error }));
    }
    clearTimeout(this.#timer);
    if (this.#onlyDescribes) return this.#sleep();
    if (this.#manifest?.network !== this.#network) return this.#relaunch();
    this.#move('ready');
    this.#settled.resolve();
  }

  #remembers(said: unknown): boolean {
    if (said === undefined) return false;
    try {
      this.#know(checkManifest(said, this.id));
      return true;
    } catch {
      return false; // damaged: its process is asked
    }
  }

  #know(manifest: PluginManifest): void {
    this.#manifest = manifest;
    this.#options.gateway.allowHosts(manifest.hosts);
  }

  #sleep(): void {
    this.#onlyDescribes = false;
    this.#letGo('it has said what it is');
    this.#move('asleep');
    this.#settled.resolve();
  }

  /** A manifest says how much network its process may have, so the first process of a `direct` plugin only says that. */
  #relaunch(): void {
    this.#letGo('it is started again with its network');
    this.#launchKeepingWaiters();
  }

  #letGo(reason: string): void {
    const child = this.#process;
    this.#process = undefined;
    child?.kill(reason, 'plugin.exit');
  }

  #refuse(error: KassaflowError): void {
    this.#refusal = error;
    this.#options.memory?.forget();
    this.#move('refused');
    clearTimeout(this.#timer);
    this.#process?.kill('it was refused', 'plugin.load');
    this.#options.log('warn', 'the plugin is refused', { code: error.code, problem: error.message });
    this.#settled.resolve();
  }

  #gone(reason: string, code: string): void {
    clearTimeout(this.#timer);
    this.#endCalls(reason, code);
    if (this.#state === 'refused' || this.#state === 'stopped') return;
    if (!this.#manifest) {
      this.#loads += 1;
      // A busy machine makes every start slow: only one that is late each time hangs.
      if (LATE.has(code) && this.#loads < LOADS) return this.#launchKeepingWaiters();
      return this.#refuse(pluginErrors.load({ plugin: this.id, problem: reason }));
    }
    this.#options.log('warn', 'the plugin’s process ended', { code, reason });
    this.#settled.resolve();
    this.#planRestart();
  }

  #launchKeepingWaiters(): void {
    const waiters = this.#settled;
    this.#launch();
    this.#settled = waiters;
  }

  #planRestart(): void {
    const now = this.#options.clock.elapsed();
    this.#crashes = [...this.#crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
    const looping = this.#crashes.length >= CRASHES;
    const delay = looping ? REST_MS : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#crashes.length - 1));
    this.#nextStartAt = now + delay;
    this.#move(looping ? 'broken' : 'waiting');
    this.#timer = setTimeout(() => this.#launch(), delay);
    this.#timer.unref();
  }

  #endCalls(message: string, code: string): void {
    for (const id of this.#calls.keys()) this.#end(id, (left) => ({ kind: 'died', message, code, left }));
  }

  #unavailable(): ChildResult {
    const retryAfterMs = Math.max(100, this.#nextStartAt - this.#options.clock.elapsed());
    const why = {
      starting: 'is starting',
      ready: 'is ready',
      asleep: 'sleeps',
      waiting: 'is being restarted',
      broken: 'keeps crashing and rests',
      refused: 'is refused',
      stopped: 'is stopped',
    }[this.#state];
    return { kind: 'unavailable', message: `The plugin ${this.id} ${why}`, retryAfterMs };
  }

  #move(state: RunnerState): void {
    if (this.#state === 'stopped' || this.#state === 'refused') return;
    this.#state = state;
    this.#options.moved?.();
  }
}

async function withinMs(promise: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    promise,
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    }),
  ]);
  clearTimeout(timer);
}
