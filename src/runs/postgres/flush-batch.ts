/** What one flush writes, and how it becomes the parameters of the statement in `queries/flush.ts`. */
import { hash } from 'node:crypto';
import type { Checkpoint, LiveRun } from '../live-run.ts';
import type { FinalStatus } from '../run.ts';
import type { Question } from '../signals.ts';
import { booleans, byteas, integers, jsons, texts, timestamps, uuids } from './binary-array.ts';

/** An event to be recorded with its key. */
export interface EventRow {
  readonly id: string;
  readonly tenantId: string;
  readonly source: string;
  readonly sourceId: string;
  readonly type: string;
  readonly subject: string;
  readonly occurredAt: Date;
  readonly data: Readonly<Record<string, unknown>>;
  /** Whether its runs are in this flush, so that the dispatcher need not look for them. */
  readonly routed: boolean;
  readonly bodyHash: Uint8Array;
}

/** Moves the dispatcher's cursor, if it still stands where it stood. */
export interface CursorMove {
  readonly subscriber: string;
  readonly after: bigint;
  readonly upTo: bigint;
}

/** What became of a start. */
export type StartResult = { readonly kind: 'started'; readonly runs: readonly LiveRun[] } | { readonly kind: 'refused' };

/** Runs to be started, all or none: with the event that starts them, with a move of the cursor, or by a person. */
export interface Start {
  readonly event?: EventRow;
  readonly cursor?: CursorMove;
  readonly runs: readonly LiveRun[];
  /** The run whose checkpoint in the same flush says that this was recorded or started. */
  readonly of?: LiveRun;
  /** `refused` when the event's key existed or the cursor had moved. */
  readonly settle: (result: StartResult) => void;
  readonly fail: (error: unknown) => void;
}

/** The answer to a command of a person, written with what it did. */
export interface CommandAnswer {
  readonly id: string;
  readonly answer: Readonly<Record<string, unknown>>;
}

/** A question as it becomes a task; the id is given once, because a batch may be sent again. */
export interface AskedQuestion {
  /** `uuid` */
  readonly id: string;
  readonly run: LiveRun;
  readonly question: Question;
}

/** What a run is told of one that it started: that it ended, or that it could not be started. */
export interface ChildOver {
  readonly tenantId: string;
  readonly parent: { readonly run: string; readonly step: string };
  readonly child: string;
  readonly status: FinalStatus;
  readonly message: string;
  /** The run in this flush that it comes from. */
  readonly of: LiveRun;
}

export interface FlushBatch {
  readonly starts: readonly Start[];
  readonly checkpoints: readonly Checkpoint[];
  readonly answers: readonly CommandAnswer[];
  readonly questions: readonly AskedQuestion[];
  readonly childrenOver: readonly ChildOver[];
}

/**
 * The first checkpoints of new runs, by run; taken once, because a batch may be sent again. They hold nothing but journal
 * entries and an end (`LiveRun.plain`): the run they belong to may be refused by the same statement.
 */
export type FirstCheckpoints = ReadonlyMap<LiveRun, Checkpoint | undefined>;

/** First 16 bytes of SHA-256 over source and id: the key by which an event is known to be the same. */
export function eventDigest(source: string, sourceId: string): Buffer {
  return hash('sha256', `${source}\0${sourceId}`, 'buffer').subarray(0, 16);
}

/** Parameters $5 to $37; $38, which few flushes have, is in flush-news.ts. */
export function flushParameters({ starts, checkpoints, answers }: FlushBatch, first: FirstCheckpoints): unknown[] {
  const events = starts.flatMap(({ event }) => (event ? [event] : []));
  return [
    ...eventParameters(events),
    ...runParameters(starts, first),
    ...journalParameters(checkpoints, first),
    ...rowParameters(checkpoints),
    rareParameter(starts, checkpoints, answers),
  ];
}

function eventParameters(events: readonly EventRow[]): unknown[] {
  return [
    uuids(events.map(({ id }) => id)),
    uuids(events.map(({ tenantId }) => tenantId)),
    texts(events.map(({ source }) => source)),
    texts(events.map(({ sourceId }) => sourceId)),
    texts(events.map(({ type }) => type)),
    texts(events.map(({ subject }) => subject)),
    timestamps(events.map(({ occurredAt }) => occurredAt)),
    jsons(events.map(({ data }) => JSON.stringify(data))),
    booleans(events.map(({ routed }) => routed)),
    byteas(events.map(({ source, sourceId }) => eventDigest(source, sourceId))),
    byteas(events.map(({ bodyHash }) => bodyHash)),
  ];
}

const GATE_NONE = 0;
const GATE_EVENT = 1;
const GATE_CURSOR = 2;
/** Bits of a gate: waits for its turn when its key is taken; and ends whoever is before it. */
const GATE_QUEUES = 4;
const GATE_REPLACES = 8;

function runParameters(starts: readonly Start[], first: FirstCheckpoints): unknown[] {
  const runs = starts.flatMap((start) => start.runs);
  const gates = starts.flatMap(({ event, cursor, runs: started }) =>
    started.map((run) => (event ? GATE_EVENT : cursor ? GATE_CURSOR : GATE_NONE) + turnOf(run)),
  );
  const rows = runs.map((run) => first.get(run)?.row);
  return [
    uuids(runs.map(({ facts }) => facts.id)),
    uuids(runs.map(({ facts }) => facts.tenantId)),
    uuids(runs.map(({ facts }) => facts.flowId)),
    integers(runs.map(({ facts }) => facts.revision)),
    uuids(runs.map(({ facts }) => facts.event?.id)),
    jsons(runs.map(({ facts }) => facts.inputs && JSON.stringify(facts.inputs))),
    texts(runs.map(({ facts }) => facts.onePer)),
    texts(rows.map((row) => row?.status ?? 'running')),
    jsons(rows.map((row) => row?.reason && JSON.stringify(row.reason))),
    booleans(rows.map((row) => row?.leaves ?? false)),
    booleans(rows.map((row) => row?.ended ?? false)),
    integers(gates),
  ];
}

function turnOf(run: LiveRun): number {
  if (!run.takesTurns) return 0;
  return run.flow.onePer?.ifRunning === 'replace' ? GATE_QUEUES + GATE_REPLACES : GATE_QUEUES;
}

function journalParameters(checkpoints: readonly Checkpoint[], first: FirstCheckpoints): unknown[] {
  const ids: string[] = [];
  const seqs: number[] = [];
  const tenants: string[] = [];
  const entries: string[] = [];
  const starts: boolean[] = [];
  const add = (checkpoint: Checkpoint, isFirst: boolean): void => {
    if (checkpoint.seq === undefined) return;
    ids.push(checkpoint.run.facts.id);
    seqs.push(checkpoint.seq);
    tenants.push(checkpoint.run.facts.tenantId);
    entries.push(checkpoint.entries);
    starts.push(isFirst);
  };
  for (const checkpoint of first.values()) if (checkpoint) add(checkpoint, true);
  for (const checkpoint of checkpoints) add(checkpoint, false);
  return [uuids(ids), integers(seqs), uuids(tenants), jsons(entries), booleans(starts)];
}

function rowParameters(checkpoints: readonly Checkpoint[]): unknown[] {
  const changed = checkpoints.filter(({ row, revision }) => row !== undefined || revision !== undefined);
  return [
    uuids(changed.map(({ run }) => run.facts.id)),
    texts(changed.map(({ row }) => row?.status)),
    jsons(changed.map(({ row }) => row?.reason && JSON.stringify(row.reason))),
    integers(changed.map(({ row }) => (row?.ended ? 2 : row?.leaves ? 1 : 0))),
  ];
}

const NOTHING_RARE = '{}';

function rareParameter(starts: readonly Start[], checkpoints: readonly Checkpoint[], answers: readonly CommandAnswer[]): string {
  const cursor = starts.find((start) => start.cursor)?.cursor;
  const special = checkpoints.filter(isSpecial);
  if (!cursor && special.length === 0 && answers.length === 0) return NOTHING_RARE;
  return JSON.stringify({
    cursor: cursor && { subscriber: cursor.subscriber, after: String(cursor.after), up_to: String(cursor.upTo) },
    timersSet: special.flatMap(({ run: { facts }, timersSet }) =>
      timersSet.map((at) => ({ at, run_id: facts.id, tenant_id: facts.tenantId })),
    ),
    timersGone: special.flatMap(({ run: { facts }, timersGone }) =>
      timersGone.map((at) => ({ at, run_id: facts.id, tenant_id: facts.tenantId })),
    ),
    keysGone: special.flatMap(({ run: { facts }, row }) =>
      facts.onePer !== undefined && row?.ended
        ? [{ tenant_id: facts.tenantId, flow_id: facts.flowId, key: facts.onePer, run_id: facts.id }]
        : [],
    ),
    attentions: special.flatMap(({ run: { facts }, attentions }) =>
      attentions.map(({ step, kind, message }) => ({ run_id: facts.id, step, tenant_id: facts.tenantId, kind, message })),
    ),
    attentionsOver: special.flatMap(({ run: { facts }, attentionsOver }) => attentionsOver.map((step) => ({ run_id: facts.id, step }))),
    answers,
  });
}

function isSpecial({ timersSet, timersGone, attentions, attentionsOver, row, run }: Checkpoint): boolean {
  return (
    timersSet.length > 0 ||
    timersGone.length > 0 ||
    attentions.length > 0 ||
    attentionsOver.length > 0 ||
    (row?.ended === true && run.facts.onePer !== undefined)
  );
}
