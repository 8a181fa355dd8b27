/** What must hold when a schedule has come to rest. docs/simulation.md says which guarantee each check stands for. */
import { hasKey } from '../../src/runs/event-key.ts';
import type { JournalEntry } from '../../src/runs/journal-entry.ts';
import { FINAL, isAside, OPEN, type Database, type RunRow } from './database.ts';
import { checkReplay } from './replayed.ts';
import type { SimulatedProvider } from './provider.ts';
import { Violation } from './violation.ts';
import type { Delivery } from './world.ts';
import type { CompiledFlow } from '../../src/flows/language/compiled-flow.ts';

/** What the checks look at. */
export interface Outcome {
  readonly now: number;
  readonly db: Database;
  readonly provider: SimulatedProvider;
  readonly deliveries: readonly Delivery[];
  readonly flows: readonly CompiledFlow[];
  count(what: string, which?: string): void;
}

/** @throws Violation */
export function checkPromises(outcome: Outcome): void {
  const rows = [...outcome.db.runs.values()];
  checkTakenIn(outcome, rows);
  checkEffects(outcome, rows);
  checkRest(outcome.db, rows);
  checkNews(outcome.db, rows);
  for (const row of rows) {
    checkJournal(row);
    checkReplay(row);
    outcome.count('ended', row.status);
    for (const { kind } of row.journal) outcome.count('entry', kind);
  }
}

/** Every event that was answered is on disk once, and has started what it starts once. */
function checkTakenIn({ db, deliveries, flows }: Outcome, rows: readonly RunRow[]): void {
  const logged = Map.groupBy(db.log, ({ event }) => event.key);
  for (const { event, answered } of deliveries) {
    const times = logged.get(event.key)?.length ?? 0;
    if (!answered) throw new Violation('taken in', `${event.id} was never answered`);
    if (times !== 1) throw new Violation('taken in', `${event.key} was answered and is recorded ${times} times`);
  }
  for (const { event } of db.log) {
    if (event.type !== 'sim.order') continue;
    for (const [index, flow] of flows.entries()) {
      const runs = rows.filter(({ facts }) => facts.event?.id === event.id && facts.flowId === `${index}`).length;
      if (runs > 1 || (runs === 0 && flow.onePer?.ifRunning !== 'skip'))
        throw new Violation('taken in', `${event.id} started ${runs} runs of ${flow.name}`);
    }
  }
}

/** Each effect happens once per attempt group, and what is recorded as done did happen. `sim.again` may be repeated by its flow's wish. */
function checkEffects({ provider }: Outcome, rows: readonly RunRow[]): void {
  const counted = new Map<string, number>();
  for (const { run, step, action } of provider.effects)
    if (action !== 'sim.again') counted.set(`${run}/${step}`, (counted.get(`${run}/${step}`) ?? 0) + 1);
  for (const { facts, journal } of rows) {
    const groups = new Map<string, number>();
    const actions = new Map<string, string>();
    for (const entry of journal) {
      if (entry.kind === 'intent') {
        actions.set(entry.step, entry.action);
        groups.set(entry.step, Math.max(groups.get(entry.step) ?? 0, entry.group));
      }
      if (entry.kind !== 'answer' || entry.outcome.kind !== 'ok') continue;
      const action = actions.get(entry.step);
      if (action !== 'sim.read' && action !== 'sim.again' && !counted.has(`${facts.id}/${entry.step}`))
        throw new Violation('effects', `${facts.id} ${entry.step} is recorded as done and has not happened`);
    }
    for (const [step, most] of groups) {
      const times = counted.get(`${facts.id}/${step}`) ?? 0;
      if (times > most)
        throw new Violation('effects', `${facts.id} ${step} (${actions.get(step)}) happened ${times} times in ${most} attempt groups`);
    }
  }
  const known = new Set(rows.map(({ facts }) => facts.id));
  for (const { run, step } of provider.effects)
    if (!known.has(run)) throw new Violation('effects', `${step} of ${run} happened, and there is no such run`);
  if (provider.confused.length > 0) throw new Violation('effects', `a key was sent with two inputs: ${provider.confused[0]}`);
}

/** Every run is over or will go on: by a timer, an event, a person, another run, its turn. */
function checkRest(db: Database, rows: readonly RunRow[]): void {
  for (const command of db.commands)
    if (command.handled === undefined) throw new Violation('rest', `${command.order.kind} of ${command.run} was never answered`);
  for (const row of rows) {
    const { facts, status, epoch, turn } = row;
    if (epoch !== 0) throw new Violation('rest', `${facts.id} is ${status} and in the memory of lease ${epoch}`);
    if (status === 'queued' && (turn === undefined || !OPEN.includes(db.runs.get(db.turns.get(turn) ?? '')?.status ?? 'failed')))
      throw new Violation('rest', `${facts.id} is queued and nobody has its key`);
    if (FINAL.has(status) && turn !== undefined && db.turns.get(turn) === facts.id)
      throw new Violation('rest', `${facts.id} is ${status} and keeps its key`);
    if (!OPEN.includes(status)) continue;
    if (status === 'running' || !willGoOn(row, db)) throw new Violation('rest', `${facts.id} is ${status} and nothing will take it on`);
    if (row.signals.size > 0 && !isAside(row)) throw new Violation('rest', `${facts.id} has not taken its signals`);
  }
}

function willGoOn({ status, timers, waits, questions, attentions, journal }: RunRow, db: Database): boolean {
  if (status === 'attention') return attentions.size > 0;
  return timers.size > 0 || questions.size > 0 || waits.some(({ step }) => step !== '') || waitsForChild(journal, db);
}

function waitsForChild(journal: readonly JournalEntry[], db: Database): boolean {
  return journal.some((entry) => entry.kind === 'child' && entry.waits && !FINAL.has(db.runs.get(entry.run)?.status ?? 'failed'));
}

/** No event that was recorded after a wait is missed by it. */
function checkNews({ log }: Database, rows: readonly RunRow[]): void {
  for (const row of rows) {
    const { facts, status, waits, journal } = row;
    if (!OPEN.includes(status) || isAside(row)) continue;
    const isEnding = journal.some((entry) => entry.kind === 'cancel' || ('step' in entry && isCleanUp(entry.step)));
    for (const { step, events, key, position } of waits) {
      // What comes after a failure, or is being cancelled already, is not ended by a stop-on.
      if (step === '' && isEnding) continue;
      const missed = log.find(({ event, position: at }) => at > position && events.includes(event.type) && hasKey(event.data, key));
      const heard = missed && journal.some((entry) => entry.kind === 'heard' && entry.event === missed.event.id);
      if (missed && !heard) throw new Violation('news', `${facts.id} waits at ${step || 'stop-on'} and was not told of ${missed.event.id}`);
    }
  }
}

/** What is taken back was done, once; and nothing begins behind an order that ends the run. */
function checkJournal({ facts, flow, journal, reason, status }: RunRow): void {
  const where = `${facts.id} (${flow.name})`;
  if (reason?.code?.startsWith('runs.') === true && reason.code !== 'runs.cancelled')
    throw new Violation('defect', `${where} is ${status}: ${reason.code} at ${reason.step ?? ''} ${reason.message}`);
  const begun = new Set<string>();
  const done = new Set<string>();
  const undone = new Set<string>();
  let ending: 'cancelled' | 'cancelled with undo' | 'stopped' | undefined;
  for (const entry of journal) {
    switch (entry.kind) {
      case 'done':
        done.add(entry.step);
        break;
      case 'undone':
        if (!done.has(entry.step)) throw new Violation('undo', `${where} took back ${entry.step}, which was not done`);
        if (undone.has(entry.step)) throw new Violation('undo', `${where} took back ${entry.step} twice`);
        undone.add(entry.step);
        break;
      case 'retry':
      case 'skipped':
      case 'edited':
        undone.clear();
        break;
      case 'cancel':
        ending = entry.undo === true && ending !== 'cancelled' ? 'cancelled with undo' : 'cancelled';
        break;
      case 'heard':
        if (entry.step === '') ending ??= 'stopped';
        break;
      case 'intent': {
        const isHandler = isCleanUp(entry.step);
        const mayBegin = ending === undefined || (ending !== 'cancelled' && isHandler);
        if (!begun.has(entry.step) && !mayBegin) throw new Violation('end', `${where} began ${entry.step} after it was ${ending}`);
        begun.add(entry.step);
        break;
      }
      default:
      // The other kinds are looked at by the replay.
    }
  }
}

function isCleanUp(step = ''): boolean {
  return step.startsWith('on-failure.') || step.includes('.undo.');
}
