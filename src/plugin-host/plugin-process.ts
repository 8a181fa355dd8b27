/**
 * One child process of a plugin: started, spoken to, watched and killed. It knows nothing of calls; `plugin-runner.ts` does.
 *
 * The watchdog counts turns of its own timer, not time: each turn sends a ping, and after {@link MISSED_PINGS} turns without
 * a pong the child is killed. When this process itself was busy for long, only one turn has passed, so nobody dies for it. It
 * begins when the child has said its first word: a process that reads its modules answers nobody, and its owner has a limit for that.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import { lineReader, lineWriter, MAX_LINE_BYTES, PIPE, type ToChild, type ToHost } from './child/protocol.ts';

/** What happens in a child, as its owner learns of it. `onGone` is the last. */
export interface ProcessEvents {
  onMessage(message: ToHost): void;
  /** A line or piece that the child wrote to its standard output or error. */
  onOutput(text: string): void;
  /** The process is gone; `reason` is one clause for a person, `code` one of `plugin.hung`, `plugin.memory`, `plugin.exit`, `plugin.flood`. */
  onGone(reason: string, code: string): void;
}

export interface ProcessLimits {
  readonly pingEveryMs: number;
  /** Resident memory, buffers outside of V8's heap included. */
  readonly maxResidentBytes: number;
}

export const DEFAULT_LIMITS: ProcessLimits = { pingEveryMs: 1_000, maxResidentBytes: 512 * 1024 * 1024 };

const MISSED_PINGS = 5;
/** Per second; what a child prints above it is read and dropped. */
const OUTPUT_BYTES_PER_TURN = 64 * 1024;
/** Lower than ours (0), so that a busy plugin does not slow the engine. */
const NICENESS = 5;
const PAGE_BYTES = 4_096;

export class PluginProcess {
  readonly #child: ChildProcess;
  readonly #pipe: Duplex;
  readonly #writeLine = lineWriter((text) => {
    if (this.#pipe.writable) this.#pipe.write(text);
  });
  readonly #events: ProcessEvents;
  readonly #limits: ProcessLimits;
  readonly #watchdog: NodeJS.Timeout;
  #hasSpoken = false;
  #pings = 0;
  #pongs = 0;
  #printed = 0;
  #death: { reason: string; code: string } | undefined;
  #lastWords = '';

  constructor(
    [program, ...parameters]: readonly [string, ...string[]],
    cwd: string,
    events: ProcessEvents,
    limits: ProcessLimits = DEFAULT_LIMITS,
  ) {
    this.#events = events;
    this.#limits = limits;
    this.#child = spawn(program, parameters, { cwd, env: {}, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    this.#pipe = this.#child.stdio[PIPE] as Duplex; // opened as a pipe one line above
    const lines = lineReader(
      MAX_LINE_BYTES,
      (line) => this.#receive(line),
      () => this.kill('it sent more than 1 MiB in one piece', 'plugin.flood'),
    );
    this.#pipe.on('data', lines).on('error', () => undefined);
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#print(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString('utf8')).slice(-2_000);
      this.#print(chunk);
    });
    this.#child.on('error', (error) => this.#gone(`it could not be started: ${error.message}`));
    this.#child.on('close', (code, signal) => this.#gone(signal ? `it was ended by ${signal}` : `it exited with code ${code ?? 0}`));
    if (this.#child.pid !== undefined) lowerPriority(this.#child.pid);
    this.#watchdog = setInterval(() => this.#turn(), limits.pingEveryMs);
    this.#watchdog.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(message: ToChild): void {
    this.#writeLine(JSON.stringify(message));
  }

  /** Ends the process at once; `onGone` follows with this reason. */
  kill(reason: string, code: string): void {
    this.#death ??= { reason, code };
    this.#child.kill('SIGKILL');
  }

  #receive(line: string): void {
    let message: ToHost;
    try {
      message = JSON.parse(line) as ToHost; // the owner treats every field as untrusted
    } catch {
      return this.kill('it wrote to the pipe of the host', 'plugin.flood');
    }
    if (message === null || typeof message !== 'object') return this.kill('it wrote to the pipe of the host', 'plugin.flood');
    this.#hasSpoken = true;
    if (message.t === 'pong') this.#pongs = this.#pings;
    else this.#events.onMessage(message);
  }

  #print(chunk: Buffer): void {
    const room = OUTPUT_BYTES_PER_TURN - this.#printed;
    this.#printed += chunk.length;
    if (room > 0) this.#events.onOutput(chunk.toString('utf8', 0, Math.min(chunk.length, room)));
  }

  #turn(): void {
    if (this.#printed > OUTPUT_BYTES_PER_TURN) this.#events.onOutput(`[${this.#printed - OUTPUT_BYTES_PER_TURN} more bytes dropped]`);
    this.#printed = 0;
    if (residentBytes(this.#child.pid) > this.#limits.maxResidentBytes) return this.kill('it used too much memory', 'plugin.memory');
    if (!this.#hasSpoken) return;
    if (this.#pings - this.#pongs >= MISSED_PINGS) return this.kill('it did not answer for too long', 'plugin.hung');
    this.#pings += 1;
    this.send({ t: 'ping', n: this.#pings });
  }

  #gone(reason: string): void {
    if (this.#death?.code === 'gone') return;
    clearInterval(this.#watchdog);
    const known = this.#death ?? deathOf(reason, this.#lastWords);
    this.#death = { reason: 'gone', code: 'gone' };
    this.#pipe.destroy();
    this.#events.onGone(known.reason, known.code);
  }
}

function deathOf(reason: string, lastWords: string): { reason: string; code: string } {
  if (/heap out of memory|Allocation failed/i.test(lastWords)) return { reason: 'it used too much memory', code: 'plugin.memory' };
  const error = /^(?:\w*Error\b.*|.*ERR_ACCESS_DENIED.*)$/m.exec(lastWords)?.[0];
  return { reason: error === undefined ? reason : `${reason} after ${error.slice(0, 300)}`, code: 'plugin.exit' };
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // it is gone already, and `close` will say so
  }
}

/** 0 where the system does not tell (not Linux): the heap limit still holds there. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid ?? 0}/statm`, 'utf8').split(' ')[1] ?? 0) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
