/** What is measured of one contestant in one round. */
import { cpuSeconds, memoryMb, type Contestant } from './contestant.ts';
import { emptySent, saturate, steady } from './load.ts';
import type { Sink } from './sink.ts';

export interface Figures {
  /** Completed three-step runs per second at saturation: from the first event sent until the last run is recorded as completed. */
  readonly runsPerSecond: number;
  /** From an event being sent until its third step's call is received, at 50 events per second. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly acknowledgedP50Ms: number;
  readonly walBytesPerRun: number | undefined;
  /** Processor time of all processes of the contestant, in microseconds; the sink and the load generator are not in it. */
  readonly cpuMicrosPerRun: number;
  /** All processes of the contestant, after the saturation. */
  readonly rssMb: number;
}

export interface Plan {
  readonly warmUp: number;
  readonly runs: number;
  readonly connections: number;
  readonly steadyEvents: number;
  readonly steadyPerSecond: number;
}

/** More accepted-but-unfinished runs than this gain no contestant throughput, and cost all of them memory and latency. */
const UNDER_WAY = 1_500;

/** Measures `contestant` with the events `first …`; every event of a benchmark has its own reference. */
export async function measure(contestant: Contestant, sink: Sink, first: number, plan: Plan): Promise<Figures> {
  sink.reset();
  await run(contestant, sink, first, plan.warmUp, plan.connections);
  sink.reset();
  const walBefore = await contestant.walPosition?.();
  const cpuBefore = cpuSeconds(contestant.processes());
  const seconds = await run(contestant, sink, first + plan.warmUp, plan.runs, plan.connections);
  const cpuAfter = cpuSeconds(contestant.processes());
  const walAfter = await contestant.walPosition?.();
  const rssMb = memoryMb(contestant.processes());
  sink.reset();
  const latency = await latencies(contestant, sink, first + plan.warmUp + plan.runs, plan);
  return {
    runsPerSecond: plan.runs / seconds,
    ...latency,
    walBytesPerRun: walBefore === undefined || walAfter === undefined ? undefined : Number(walAfter - walBefore) / plan.runs,
    cpuMicrosPerRun: ((cpuAfter - cpuBefore) * 1_000_000) / plan.runs,
    rssMb,
  };
}

/** The value at `quantile` (0 to 1) of a list in any order. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN;
}

async function run(contestant: Contestant, sink: Sink, first: number, count: number, connections: number): Promise<number> {
  const sent = emptySent();
  const started = performance.now();
  // As many requests as hold what may be under way: 64 batches of 100 would be four times that before the first is answered.
  const atOnce = Math.min(connections, Math.floor(UNDER_WAY / (contestant.target.batch?.events ?? 1)));
  // Events that were refused never reach the sink, so waiting for room would have no end.
  const mayGo = () => sent.refused.length > 0 || sent.at.size - sink.postings < UNDER_WAY;
  await saturate(contestant.target, first, count, atOnce, sent, mayGo);
  if (sent.refused.length > 0) throw new Error(`${contestant.name} refused ${sent.refused.length} events: ${sent.refused[0]}`);
  await sink.reached(count);
  while ((await contestant.unfinished()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  if (sink.postings !== count || sink.receipts !== count)
    throw new Error(`${contestant.name} made ${sink.receipts} + ${sink.postings} calls for ${count} events`);
  return (performance.now() - started) / 1_000;
}

async function latencies(
  contestant: Contestant,
  sink: Sink,
  first: number,
  plan: Plan,
): Promise<Pick<Figures, 'p50Ms' | 'p99Ms' | 'acknowledgedP50Ms'>> {
  const sent = emptySent();
  await steady(contestant.target, first, plan.steadyEvents, plan.steadyPerSecond, sent);
  await sink.reached(plan.steadyEvents);
  const took = [...sent.at].map(([reference, at]) => (sink.postedAt.get(reference) ?? Number.NaN) - at);
  const acknowledged = [...sent.at].map(([reference, at]) => (sent.acknowledgedAt.get(reference) ?? Number.NaN) - at);
  return { p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99), acknowledgedP50Ms: quantile(acknowledged, 0.5) };
}
