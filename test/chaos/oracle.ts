/**
 * What must hold when the storm is over, whatever happened in it. Each question compares what the program's database says with what
 * somebody else wrote down: the client's list of acknowledgements, the bank's journal, Stripe's own books.
 */
import type pg from 'pg';
import type { Bank, Effect } from './bank.ts';
import type { Client } from './client.ts';
import { LEFT } from './open-work.ts';
import type { Sales } from './sales.ts';
import type { Workload } from './workload.ts';

/** What it would be, if it did not hold. */
export type Harm = 'lost' | 'doubled' | 'stuck' | 'unbalanced';

/** One answer. */
export interface Finding {
  readonly id: string;
  readonly harm: Harm;
  readonly question: string;
  /** How many things were compared. */
  readonly checked: number;
  /** How many of them do not hold. */
  readonly wrong: number;
  /** What does not hold; at most some of many. */
  readonly violations: readonly string[];
}

export interface World {
  readonly client: Client;
  readonly bank: Bank;
  readonly workload: Workload;
  readonly sales: Sales;
  /** A superuser of the program's database. */
  readonly database: pg.Client;
  /** `kassaflow audit verify` with what one of the processes has signed, or with what each has: what it found. Absent: nobody asks. */
  readonly say: (line: string) => void;
  readonly books?: ((whose: 'one' | 'each') => Promise<{ readonly rows: number; readonly problems: readonly string[] }>) | undefined;
}

interface PaymentRun {
  readonly payment: string;
  readonly run: string;
  readonly status: string;
  readonly reason: string | null;
  /** It had failed, and a person let it go on: meanwhile others of its customer went on too. */
  readonly retried: boolean;
  /** Why it had failed. */
  readonly failedFor: string | null;
}

/** In this order: the last one damages the books on purpose. */
export async function askOracle(world: World): Promise<readonly Finding[]> {
  const began = performance.now();
  const runs = await paymentRuns(world.database);
  const effects = world.bank.effects();
  world.say(`the oracle looks at ${runs.length} payments and ${effects.length} effects`);
  const findings = [
    await acknowledged(world, runs),
    onceEach(effects),
    everyPart(world, runs, effects),
    await money(world, runs, effects),
    await nothingStuck(world.database),
    inOrder(world, runs, effects),
    await leases(world.database),
  ];
  world.say(`the oracle took ${((performance.now() - began) / 1_000).toFixed(1)} s, without the books`);
  if (world.books) findings.push(await books(world.database, world.books));
  world.say(`and ${((performance.now() - began) / 1_000).toFixed(1)} s with them`);
  return findings;
}

/** Ends a list of violations that would fill pages. */
const MOST = 20;

function finding(id: string, harm: Harm, question: string, checked: number, violations: readonly string[]): Finding {
  const wrong = violations.length;
  const told = wrong > MOST ? [...violations.slice(0, MOST), `and ${wrong - MOST} more`] : violations;
  return { id, harm, question, checked, wrong, violations: told };
}

/** Entries are looked into only of rows whose text names what is looked for: there are a million rows. */
const PAYMENT_RUNS = `
with retried as (
  select j.run_id, min(j.seq) as seq from run_journal j, json_array_elements(j.entries) x
  where j.entries::text like '%"retry"%' and x ->> 'kind' = 'retry' group by 1
), failed as (
  select r.run_id, (select coalesce(x ->> 'reason', x ->> 'message') from run_journal j, json_array_elements(j.entries) x
    where j.run_id = r.run_id and j.seq <= r.seq and (x ->> 'kind' = 'aside' or (x ->> 'kind' = 'end' and x ->> 'status' = 'failed')) order by j.seq desc limit 1) as reason
  from retried r
)
select e.data ->> 'payment' as payment, r.id::text as run, r.status, r.reason::text as reason, f.run_id is not null as retried, f.reason as "failedFor"
from event e join run r on r.event_id = e.id left join failed f on f.run_id = r.id
where e.type = 'custom.chaos-payment' order by r.id`;

async function paymentRuns(database: pg.Client): Promise<readonly PaymentRun[]> {
  return (await database.query<PaymentRun>(PAYMENT_RUNS)).rows;
}

/** O1. An event whose sender was told "yes" is there, once, under the id that was told, with its run. */
async function acknowledged({ client, database, workload }: World, runs: readonly PaymentRun[]): Promise<Finding> {
  const told = client.acknowledgements();
  const { rows } = await database.query<{ id: string; source_id: string; type: string }>(
    `select id::text, source_id, type from event where source = '/chaos'`,
  );
  const stored = Map.groupBy(rows, ({ source_id: id }) => id);
  const started = Map.groupBy(runs, ({ payment }) => payment);
  const violations = [
    ...client.wrong,
    ...told.filter(({ id }) => !stored.has(id)).map(({ id }) => `event ${id} was acknowledged and is not there`),
    ...[...stored].filter(([, found]) => found.length > 1).map(([id, found]) => `event ${id} is there ${found.length} times`),
    ...[...workload.payments.keys()].flatMap((payment) => {
      const found = started.get(payment) ?? [];
      const isStored = stored.has(`payment-${payment}`);
      return found.length === (isStored ? 1 : 0)
        ? []
        : [`payment ${payment} has ${found.length} runs: ${found.map(({ run }) => run).join()}`];
    }),
  ];
  return finding('O1', 'lost', 'every acknowledged event is there once, with its run', told.length, violations);
}

/**
 * O2. No effect happened twice: neither under one key, nor for one thing. What was taken back may be done again, when a person lets a run
 * go on that had failed.
 */
function onceEach(effects: readonly Effect[]): Finding {
  const doubled = new Map<string, Effect[]>();
  const standing = new Set<string>();
  for (const effect of effects) {
    const { kind, reference } = effect;
    const thing = `${kind} ${reference}`;
    if (kind === 'unbooking' ? !standing.delete(`booking ${reference}`) : standing.has(thing))
      doubled.set(thing, [...(doubled.get(thing) ?? []), effect]);
    if (kind !== 'unbooking') standing.add(thing);
  }
  const violations = [...doubled].map(([thing, more]) => `${thing} happened again, under ${more.map(({ key }) => key).join(', ')}`);
  return finding('O2', 'doubled', 'every effect happened once', effects.length, violations);
}

/**
 * A run under which the process died three times is set aside as the possible cause: that is meant, and people let it go on. So is a
 * failure because people have cancelled its sub-flow.
 */
const EXPECTED_FAILURE = /^The process died|^The flow \S+ did not succeed: Cancelled by key\//;

/** What the reason says; the end of a run holds it as JSON. */
function messageIn(reason: string | null): string {
  const text = reason ?? '';
  return text.startsWith('{') ? ((JSON.parse(text) as { message?: string }).message ?? '') : text; // as the engine writes a reason
}

/** O2, the other half: what a run says it has done has happened. */
function everyPart({ workload }: World, runs: readonly PaymentRun[], effects: readonly Effect[]): Finding {
  const happened = new Set(effects.map(({ kind, reference }) => `${kind} ${reference}`));
  const violations = runs.flatMap(({ payment, run, status, reason }) => {
    const { spoiled = false } = workload.payments.get(payment) ?? {};
    if (status === 'cancelled') return [];
    const expected = spoiled ? 'failed' : 'completed';
    if (status !== expected) return [`run ${run} of payment ${payment} is ${status}, not ${expected}: ${reason ?? ''}`];
    const parts = ['receipt', 'booking', ...(spoiled ? ['unbooking'] : [])];
    return parts.filter((kind) => !happened.has(`${kind} ${payment}`)).map((kind) => `run ${run} is ${status} without its ${kind}`);
  });
  // No flow of the campaign fails by itself but those that are spoiled: a run that a person had to let go on again is a finding.
  for (const { run, retried, failedFor } of runs)
    if (retried && !EXPECTED_FAILURE.test(messageIn(failedFor)))
      violations.push(`run ${run} failed for no reason of its own and had to be retried by a person: ${failedFor ?? ''}`);
  return finding('O2', 'lost', 'what a finished run says was done has happened', runs.length, violations);
}

/** O3. The ledger balances and agrees with Stripe; the bank's sum is that of the payments; credits are those that were promised. */
async function money({ workload, sales, database }: World, runs: readonly PaymentRun[], effects: readonly Effect[]): Promise<Finding> {
  const violations: string[] = [];
  const expect = (what: string, found: unknown, wanted: unknown): void => {
    if (String(found) !== String(wanted)) violations.push(`${what}: ${String(found)}, not ${String(wanted)}`);
  };
  const one = async (query: string) => String((await database.query<{ n: string | null }>(query)).rows[0]?.n ?? 0);
  expect(
    'lines of the ledger add up to',
    await one(`select sum(case side when 'debit' then minor else -minor end) as n from ledger_line`),
    0,
  );
  expect(
    'payments taken, by the ledger',
    await one(
      `select sum(l.minor) as n from ledger_entry e join ledger_line l on l.entry_id = e.id where e.kind = 'payment.captured' and l.side = 'debit'`,
    ),
    sales.done.reduce((sum, { cents }) => sum + cents, 0),
  );
  for (const { payment, cents, refunded } of sales.done)
    if (refunded > cents) violations.push(`payment ${payment} of ${cents} cents was promised ${refunded} back`);
  const ofPayments = effects.filter(({ reference }) => workload.payments.has(reference));
  const booked = ofPayments.filter(({ kind }) => kind === 'booking' || kind === 'unbooking').reduce((sum, { cents }) => sum + cents, 0);
  const completed = new Set(runs.filter(({ status }) => status === 'completed').map(({ payment }) => payment));
  const open = openBookings(ofPayments);
  const promised = [...completed].reduce((sum, payment) => sum + (workload.payments.get(payment)?.cents ?? 0), 0);
  const leftByCancelled = [...open].filter(([payment]) => !completed.has(payment)).reduce((sum, [, cents]) => sum + cents, 0);
  expect('cents in the books of the bank', booked, promised + leftByCancelled);
  const cancelled = new Set(runs.filter(({ status }) => status === 'cancelled').map(({ payment }) => payment));
  for (const payment of open.keys())
    if (!completed.has(payment) && !cancelled.has(payment)) violations.push(`payment ${payment} is booked, and its run is not completed`);
  expect(
    'credit accounts that differ from the sum of their entries',
    await one(
      `select count(*) as n from credit_account a where balance <> (select coalesce(sum(units), 0) from credit_entry e where e.account_id = a.id)`,
    ),
    0,
  );
  expect(
    'credits given, against those of the sub-flows that are completed',
    await one(`select sum(units) as n from credit_entry where order_id is null`),
    await one(`select sum((inputs ->> 'credits')::int) as n from run where inputs ? 'credits' and status = 'completed'`),
  );
  return finding('O3', 'unbalanced', 'the money agrees: ledger, Stripe, bank, credits', effects.length + sales.done.length, violations);
}

/** What is booked and not taken back, by payment. */
function openBookings(effects: readonly Effect[]): ReadonlyMap<string, number> {
  const open = new Map<string, number>();
  for (const { kind, reference, cents } of effects) {
    if (kind === 'booking') open.set(reference, cents);
    if (kind === 'unbooking') open.delete(reference);
  }
  return open;
}

/** O4. Nothing waits for anything any more: the campaign has been calm for long enough. */
async function nothingStuck(database: pg.Client): Promise<Finding> {
  const violations: string[] = [];
  for (const [what, query] of Object.entries(LEFT)) {
    const { rows } = await database.query<{ it: string }>(query);
    violations.push(...rows.slice(0, MOST).map(({ it }) => `${what}: ${it}`));
  }
  const { rows } = await database.query<{ n: number }>('select count(*)::int as n from run');
  return finding('O4', 'stuck', 'every run has ended, and nothing is left over', rows[0]?.n ?? 0, violations);
}

/** O5. Payments of one customer are booked in their order, and none is left out. */
function inOrder({ workload }: World, runs: readonly PaymentRun[], effects: readonly Effect[]): Finding {
  const apart = new Set(runs.filter(({ status, retried }) => status === 'cancelled' || retried).map(({ payment }) => payment));
  const runOf = new Map(runs.map(({ payment, run }) => [payment, run]));
  const last = new Map<string, number>();
  const violations: string[] = [];
  let checked = 0;
  for (const { kind, reference, customer, place } of effects) {
    if (kind !== 'booking' || !workload.payments.has(reference) || apart.has(reference)) continue;
    checked += 1;
    const before = last.get(customer) ?? 0;
    if (place < before) {
      const other = `${customer}-${before}`;
      violations.push(`${reference} (run ${runOf.get(reference)}) was booked after ${other} (run ${runOf.get(other)})`);
    }
    for (let left = before + 1; left < place; left += 1)
      if (!apart.has(`${customer}-${left}`)) violations.push(`${customer}-${left} was left out before ${reference}`);
    last.set(customer, Math.max(before, place));
  }
  return finding('O5', 'unbalanced', 'payments of one customer are booked in order', checked, violations);
}

/** O7. Nobody owns a run that has ended or rests, one lease wrote each journal row, and each step has one answer that counts. */
async function leases(database: pg.Client): Promise<Finding> {
  const violations: string[] = [];
  const look = async (what: string, query: string): Promise<void> => {
    const { rows } = await database.query<{ it: string }>(query);
    violations.push(...rows.slice(0, MOST).map(({ it }) => `${what}: ${it}`));
  };
  await look(
    'an ended run still has an owner',
    `select id::text as it from run where finished_at is not null and epoch <> 0 and claimed_by is not null`,
  );
  await look('a gap in a journal', `select run_id::text as it from run_journal group by run_id having max(seq) - min(seq) + 1 <> count(*)`);
  await look(
    'a step with two good answers',
    `select run_id || ' ' || step as it from (
       select j.run_id, e ->> 'step' as step from run_journal j, json_array_elements(j.entries) e
       where j.entries::text like '%"answer"%' and e ->> 'kind' = 'answer' and e -> 'outcome' ->> 'kind' = 'ok') as x
       -- What was taken back may be done again, once a person lets the run go on.
       where not exists (select from run_journal k where k.run_id = x.run_id and k.entries::text like '%"undone"%')
       group by run_id, step having count(*) > 1`,
  );
  await look(
    'an open run of a lease that somebody else took',
    `select r.id::text as it from run r join engine_lease l on l.epoch = r.epoch where r.finished_at is null and l.taken_by is not null`,
  );
  await look(
    'a lease was taken before its time was over',
    `select epoch || ' at ' || at || ', not before ' || expires_at as it from taken_early`,
  );
  const { rows } = await database.query<{ n: number }>('select count(*)::int as n from run_journal');
  return finding('O7', 'doubled', 'one owner at a time: no gap in a journal, one answer to a step', rows[0]?.n ?? 0, violations);
}

/** What is falsified, one after the other, and put right again: every field of an entry that means something. */
const FORGERIES = [
  `update ledger_entry set description = description || '.' where id = (select min(id::text)::uuid from ledger_entry where kind = 'payment.captured')`,
  `update ledger_entry set kind = 'payment.refunded' where id = (select min(id::text)::uuid from ledger_entry where kind = 'payment.captured')`,
  `update ledger_line set minor = minor + 1 where (entry_id, line) = (select entry_id, line from ledger_line order by entry_id, line limit 1)`,
  `update ledger_line set side = case side when 'debit' then 'credit' else 'debit' end where (entry_id, line) = (select entry_id, line from ledger_line order by entry_id, line limit 1)`,
];

/** O6. The chain verifies; the ledger cannot be changed; and when its owner changes it all the same, the chain shows it. */
async function books(database: pg.Client, verify: NonNullable<World['books']>): Promise<Finding> {
  const before = await verify('each');
  const violations = [...before.problems];
  const { rows: entries } = await database.query('select from ledger_entry limit 1');
  if (entries.length === 0) return finding('O6', 'unbalanced', 'the hash chain verifies', before.rows, violations);
  for (const forgery of FORGERIES) {
    const refusal = await database.query(forgery).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal === undefined) violations.push(`the ledger let itself be changed: ${forgery}`);
  }
  // The triggers are off for this connection from here on; what it changes is put right from the copies.
  await database.query(`set session_replication_role = replica`);
  await database.query('create table kept_entry as table ledger_entry; create table kept_line as table ledger_line');
  for (const forgery of FORGERIES) {
    await database.query(forgery);
    if ((await verify('one')).problems.length === 0) violations.push(`the chain does not show: ${forgery}`);
    await database.query(`
      update ledger_entry e set description = k.description, kind = k.kind from kept_entry k where k.id = e.id and (k.description, k.kind) <> (e.description, e.kind);
      update ledger_line l set minor = k.minor, side = k.side from kept_line k where (k.entry_id, k.line) = (l.entry_id, l.line) and (k.minor, k.side) <> (l.minor, l.side)`);
  }
  await database.query('drop table kept_entry, kept_line; set session_replication_role = default');
  return finding('O6', 'unbalanced', 'the hash chain verifies, and shows each of four forgeries', before.rows, violations);
}
