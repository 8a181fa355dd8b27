/** People who work while everything breaks: they answer questions, look into the bank's books, retry, cancel, and start bulk jobs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { idOf } from '../../src/kernel/ids.ts';
import type { Bank } from './bank.ts';
import type { Client } from './client.ts';
import type { CampaignDatabase } from './database-server.ts';
import type { Random } from './random.ts';

interface OpenQuestion {
  readonly run: string;
  readonly step: string;
  readonly kind: 'unknown-outcome' | 'failed' | 'connection';
  readonly since: string;
  /** The call that nobody knows about. */
  readonly action: string | null;
  readonly reference: string | null;
}

/** What is to be done, oldest first. The call is the newest intent of the step in the journal. */
const QUESTIONS = `
select a.run_id as run, a.step, a.kind, a.since::text, i.entry ->> 'action' as action, i.entry -> 'input' ->> 'reference' as reference
from run_attention a left join lateral (
  select e.entry from run_journal j, json_array_elements(j.entries) with ordinality as e(entry, place)
  where j.run_id = a.run_id and e.entry ->> 'kind' = 'intent' and e.entry ->> 'step' = a.step order by j.seq desc, e.place desc limit 1
) i on true where a.resolved_at is null order by a.since limit 500`;
const FAILED = `
select id as run from run where status = 'failed' and finished_at < now() - interval '1 second'
  and not coalesce(reason::text like '%spoiled on purpose%', false) order by id limit 20`;
const TASKS = `select id from staff_task where state = 'open' and run_id is not null order by id limit 20`;
const SOME_RUN = `select id as run from run where finished_at is null order by random() limit 1`;
/** Long pauses of runs: most wait to ask once more for an unknown outcome, with a customer's other payments in line behind them. */
const RESTING = `select run_id as run from run_timer where wake_at > clock_timestamp() + interval '5 seconds' order by wake_at desc limit 500`;
/** What the bank calls the effect of an action. */
const EFFECTS: Readonly<Record<string, string>> = { 'bank.receipt': 'receipt', 'bank.book': 'booking', 'bank.unbook': 'unbooking' };

export class People {
  /** How often each thing was done. */
  readonly did: Record<string, number> = {};
  readonly #database: CampaignDatabase;
  readonly #client: Client;
  readonly #bank: Bank;
  readonly #random: Random;
  readonly #refusals = new Map<string, number>();
  #isOver = false;
  #mayDisturb = true;
  #work: Promise<void> = Promise.resolve();

  constructor(options: { database: CampaignDatabase; client: Client; bank: Bank; random: Random }) {
    this.#database = options.database;
    this.#client = options.client;
    this.#bank = options.bank;
    this.#random = options.random;
  }

  begin(): void {
    this.#work = this.#day();
  }

  /** From now on they only answer what is asked. */
  calmDown(): void {
    this.#mayDisturb = false;
  }

  async goHome(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #day(): Promise<void> {
    for (let hour = 0; !this.#isOver; hour += 1) {
      // The database is away now and then; they come back in half a second.
      await this.#hour(hour).catch(() => undefined);
      await sleep(500);
    }
  }

  async #hour(hour: number): Promise<void> {
    const look = async <T extends object>(query: string) => (await this.#database.asSuperuser((client) => client.query<T>(query))).rows;
    await each(await look<OpenQuestion>(QUESTIONS), (question) => this.#answer(question));
    await each(await look<{ run: string }>(FAILED), ({ run }) => this.#give('retry', run, {}, `retry-${run}-${hour}`));
    await each(await look<{ id: string }>(TASKS), ({ id }) => this.#decide(id));
    // Not while processes stand still: one that goes on may send a call of which its successor was just told that it did not happen.
    if (!this.#mayDisturb)
      return each(await look<{ run: string }>(RESTING), ({ run }) => this.#give('resume', run, {}, `resume-${run}-${hour}`));
    if (this.#random.chance(0.2)) for (const { run } of await look<{ run: string }>(SOME_RUN)) await this.#cancel(run, hour);
    if (hour % 20 === 10) await this.#cancelMany(await look<{ run: string }>(SOME_RUN), hour);
  }

  async #answer({ run, step, kind, since, action, reference }: OpenQuestion): Promise<void> {
    const key = `${run}-${step}-${since}`.slice(0, 180);
    if (kind === 'failed') return this.#give('retry', run, {}, `again-${key}`);
    // A refused connection is asked again by itself.
    if (kind === 'connection') return;
    const happened = this.#bank.has(EFFECTS[action ?? ''] ?? '', reference ?? '');
    const resolution = happened ? { decision: 'done', output: { reference } } : { decision: 'not-done' };
    await this.#give('resolve', run, { step, resolution }, `resolve-${key}`);
  }

  async #decide(task: string): Promise<void> {
    // Every third question stays open until its time is over.
    if (task.charCodeAt(task.length - 1) % 3 === 0) return;
    const choice = task.charCodeAt(task.length - 2) % 4 === 0 ? 'reject' : 'approve';
    const answer = await this.#client.command(`/v1/tasks/${idOf('tsk', task)}/answer`, { choice }, `answer-${task}`);
    this.#count(`answer ${answer?.status}`);
  }

  #cancel(run: string, hour: number): Promise<void> {
    return this.#give('cancel', run, { undo: this.#random.chance(0.5), reason: 'chaos' }, `cancel-${run}-${hour}`);
  }

  /** A bulk job over one run is as much of a bulk job as one over thousands. */
  async #cancelMany(runs: readonly { readonly run: string }[], hour: number): Promise<void> {
    const selection = { runs: runs.map(({ run }) => idOf('run', run)) };
    if (selection.runs.length === 0) return;
    const preview = await this.#client.command('/v1/bulk-jobs/preview', { action: 'cancel', selection, undo: true }, `preview-${hour}`);
    // As the API describes a preview; only these two fields are needed.
    const { id, planVersion } = (preview?.body ?? {}) as { id?: string; planVersion?: string };
    if (id === undefined) return this.#count(`preview ${preview?.status}`);
    const job = { preview: id, planVersion, reason: 'chaos', rate: 20, confirm: true };
    const answer = await this.#client.command('/v1/bulk-jobs', job, `bulk-${hour}`);
    this.#count(`bulk job ${answer?.status}`);
  }

  async #give(command: string, run: string, body: object, key: string): Promise<void> {
    // Under the same key the answer is the same: who was refused and still sees the question asks again under another.
    const refusals = this.#refusals.get(key) ?? 0;
    const answer = await this.#client.command(`/v1/runs/${idOf('run', run)}/${command}`, body, `${key}-${refusals}`);
    if (answer && answer.status >= 400) this.#refusals.set(key, refusals + 1);
    this.#count(`${command} ${answer?.status}`);
  }

  #count(what: string): void {
    this.did[what] = (this.did[what] ?? 0) + 1;
  }
}

/** So many people work side by side. */
const HANDS = 16;

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const hand = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(HANDS, left.length) }, hand));
}
