import { fork, spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Target } from './load.ts';

/** A system that is measured: it takes events over HTTP and makes two calls to the sink for each. */
export interface Contestant {
  readonly name: string;
  readonly target: Target;
  /** Runs that it has accepted and not yet recorded as completed; asked only after the last call of a measurement. */
  unfinished(): Promise<number>;
  /** Position in its write-ahead log in bytes; `undefined` when it has none that can be read. */
  walPosition?(): Promise<bigint>;
  /** The processes that it consists of, children included. */
  processes(): readonly number[];
  stop(): Promise<void>;
}

/** The event that every contestant gets: the same fields, about 250 bytes. */
export function paymentReceived(reference: number): object {
  return {
    reference,
    amount: '12.50',
    currency: 'EUR',
    description: `invoice 2026-${reference}`,
    customer: { name: 'Kim Jansen', email: 'kim@example.com', phone: '+31612345678', locale: 'nl' },
    method: 'ideal',
  };
}

/** Starts a Node child that reports `{port}` when it listens. */
export async function startNode(
  file: string,
  args: readonly string[],
  options: { cwd: string },
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(file, args, {
    cwd: options.cwd,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve(message.port));
    child.once('exit', (code) => reject(new Error(`${file} ended with ${String(code)} before it listened`)));
  });
  return { child, port };
}

/** Starts a program and resolves when `ready` does; its output goes to the file descriptor `log`. */
export async function startProgram(
  file: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; log: number },
  ready: () => Promise<boolean>,
): Promise<ChildProcess> {
  const child = spawn(file, args, { cwd: options.cwd, env: options.env, stdio: ['ignore', options.log, options.log] });
  const deadline = performance.now() + 60_000;
  while (!(await ready().catch(() => false))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${file} did not become ready`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}

/** Ends a process that this benchmark started, and waits until it is gone. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await gone;
  clearTimeout(killer);
}

/** `pid` and everything below it. Linux only; elsewhere just `pid`. */
export function processTree(pid: number): number[] {
  let parents: readonly (readonly [number, number])[];
  try {
    parents = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
          return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0])] as const];
        } catch {
          return [];
        }
      });
  } catch {
    return [pid];
  }
  const tree = [pid];
  for (const member of tree) tree.push(...parents.filter(([, parent]) => parent === member).map(([child]) => child));
  return tree;
}

/** Processor time of some processes so far, in seconds; steadier than runs per second on a machine with neighbours. */
export function cpuSeconds(pids: readonly number[]): number {
  return processorMicros(pids) / 1_000_000;
}

/** Memory of some processes in MiB, shared pages divided among who shares them (PSS). */
export function memoryMb(pids: readonly number[]): number {
  const kib = pids.map((pid) => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
  return Math.round(kib.reduce((a, b) => a + b, 0) / 1_024);
}

/**
 * Processor time that some processes have used, in microseconds; Linux counts it in hundredths of a second. With that of children that
 * have ended (fields 16 and 17 of proc_pid_stat(5)): PostgreSQL lets backends go, and what they used must not vanish between two readings
 * of {@link processTree}. A process that is gone itself counts as nothing, because its parent has its time.
 */
export function processorMicros(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // Counted from what follows the name, which may hold spaces: 11 to 14 are the fields 14 to 17.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    } catch {
      return 0;
    }
  });
  return ticks.reduce((a, b) => a + b, 0) * 10_000;
}
