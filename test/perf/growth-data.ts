/**
 * Years of work in minutes: real runs are copied on the server under ids of the past, so that what is measured stands on
 * tables of the size that they get, and not on made-up rows.
 */
import pg from 'pg';

/** A superuser of the database that is filled. */
export type DatabaseOf = Pick<pg.ClientConfig, 'host' | 'port' | 'user' | 'database'>;

export interface Amounts {
  readonly finished: number;
  readonly sleeping: number;
  readonly flows: number;
}

/** Events are kept in months and runs in weeks; the copies lie in the days before today. */
const DAYS = 84;
/** Copies per transaction; more than a million events in one have no positions. */
const CHUNK = 100_000;
/** At the same time, one for each processor. */
const WORKERS = 2;

/** Columns that differ from the row that is copied, as SQL over `n`. */
type Overrides = Readonly<Record<string, string>>;

/**
 * Ids of the past for copy `n` of `total`: times ascend with `n`, so copies go to the right edge of their indexes as runs do. Kinds are told
 * apart by a digit behind the time.
 */
const ID_FUNCTION = `
create or replace function copy_id(kind int, n bigint, total bigint) returns uuid language sql immutable parallel safe as $$
  select (lpad(to_hex((extract(epoch from date_trunc('day', now())) * 1000 - ${DAYS}::numeric * 86400000 + n * (${DAYS}::numeric * 86400000) / total)::bigint), 12, '0')
    || '7' || lpad(to_hex(n & 4095), 3, '0') || '8' || to_hex(kind) || lpad(to_hex(n), 14, '0'))::uuid $$`;

/** Copies a finished run and a sleeping one, by their flows' names, with events, keys, journals and timers; and a flow that nobody uses. */
export async function fill(database: DatabaseOf, amounts: Amounts, log: (line: string) => void): Promise<void> {
  const admin = await connect(database);
  try {
    await admin.query(ID_FUNCTION);
    await makeRoom(admin);
    const finished = await sample(admin, 'payment-received');
    const sleeping = await sample(admin, 'sleeper');
    await copyRuns(database, admin, finished, 1, amounts.finished, '0');
    log(`${amounts.finished} finished runs`);
    await copyRuns(database, admin, sleeping, 2, amounts.sleeping, '30 days');
    log(`${amounts.sleeping} sleeping runs`);
    await copyFlows(admin, amounts.flows);
    log(`${amounts.flows} published flows`);
    // Subscribers have long read what is old.
    await admin.query('update event_cursor set seq = (select max(seq) from event)');
    // What autovacuum has long done in a system that grew.
    for (const table of ['event', 'event_key', 'run', 'run_journal', 'run_timer', 'flow', 'flow_revision'])
      await admin.query(`vacuum (freeze, analyze) ${table}`);
    await admin.query('checkpoint');
  } finally {
    await admin.end();
  }
}

async function connect(database: DatabaseOf): Promise<pg.Client> {
  const client = new pg.Client(database);
  await client.connect();
  await client.query('set synchronous_commit = off');
  return client;
}

/** The origin, which takes everything before this week, makes place for the weeks and months that it covers; its rows go back in. */
async function makeRoom(admin: pg.Client): Promise<void> {
  for (const [table, every, storage] of [
    ['run', 'week', 'with (fillfactor = 60)'],
    ['run_journal', 'week', ''],
    ['event', 'month', ''],
  ] as const) {
    await admin.query(`do $$
      declare
        upper_id uuid := (select p.upper_id from partitions_of('${table}') p where p.name = '${table}_origin');
        start timestamp := date_trunc('${every}', now() at time zone 'UTC' - interval '${DAYS + 1} days');
        leaf text;
      begin
        alter table ${table} detach partition ${table}_origin;
        while uuid_floor(start at time zone 'UTC') < upper_id loop
          leaf := '${table}_' || to_char(start, ${every === 'week' ? `'IYYY"w"IW'` : `'YYYY"m"MM'`});
          execute format('create table %I partition of ${table} for values from (%L) to (%L) ${storage}', leaf,
            uuid_floor(start at time zone 'UTC'), uuid_floor((start + interval '1 ${every}') at time zone 'UTC'));
          execute format('alter table %I owner to kassaflow_owner', leaf);
          execute format('alter table %I enable row level security', leaf);
          execute format('alter table %I force row level security', leaf);
          start := start + interval '1 ${every}';
        end loop;
        insert into ${table} select * from ${table}_origin;
        drop table ${table}_origin;
      end $$`);
  }
}

interface Sample {
  readonly run: string;
  readonly event: string;
}

async function sample(admin: pg.Client, flow: string): Promise<Sample> {
  const { rows } = await admin.query<Sample>(
    'select r.id::text as run, r.event_id::text as event from run r join flow f on f.id = r.flow_id where f.name = $1 limit 1',
    [flow],
  );
  if (!rows[0]) throw new Error(`there is no run of ${flow} to copy`);
  return rows[0];
}

async function copyRuns(database: DatabaseOf, admin: pg.Client, of: Sample, kind: number, total: number, wakesIn: string): Promise<void> {
  const [run, event] = [`copy_id(${kind * 2}, n, ${total})`, `copy_id(${kind * 2 + 1}, n, ${total})`];
  const steps = [
    await copyStatement(admin, 'event', `id = '${of.event}'`, { id: event, seq: 'next_event_seq()', source_id: `'copy-${kind}-' || n` }),
    await copyStatement(admin, 'event_key', `event_id = '${of.event}'`, { event_id: event, digest: `decode(md5('${kind}/' || n), 'hex')` }),
    await copyStatement(admin, 'run', `id = '${of.run}'`, { id: run, event_id: event }),
    await copyStatement(admin, 'run_journal', `run_id = '${of.run}'`, { run_id: run }),
    await copyStatement(admin, 'run_timer', `run_id = '${of.run}'`, {
      run_id: run,
      wake_at: `now() + interval '${wakesIn}' + n * interval '31 seconds'`,
    }),
  ];
  let next = 1;
  const worker = async (): Promise<void> => {
    const client = await connect(database);
    for (let from = next; from <= total; from = next) {
      next += CHUNK;
      await client.query('begin');
      for (const step of steps) await client.query(step, [from, Math.min(from + CHUNK - 1, total)]);
      await client.query('commit');
    }
    await client.end();
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
}

/** Copies the rows that `condition` names once for each number from `$1` to `$2`. */
async function copyStatement(admin: pg.Client, table: string, condition: string, overrides: Overrides): Promise<string> {
  const { rows } = await admin.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  const names = rows.map(({ name }) => name);
  const values = names.map((name) => overrides[name] ?? `sample.${name}`);
  return `insert into ${table} (${names.join(', ')}) select ${values.join(', ')} from generate_series($1::bigint, $2::bigint) n, (select * from ${table} where ${condition}) sample`;
}

async function copyFlows(admin: pg.Client, count: number): Promise<void> {
  const { rows } = await admin.query<{ id: string }>(`select id::text from flow where name = 'growth-0'`);
  const id = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`;
  const renamed = (column: string) => `replace(sample.${column}::text, 'growth-0', 'growth-' || n)`;
  const { rows: columns } = await admin.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = 'flow_revision'::regclass and attname = 'routes'`,
  );
  const flows = await copyStatement(admin, 'flow', `id = '${rows[0]?.id}'`, { id, name: renamed('name') });
  const revisions = await copyStatement(admin, 'flow_revision', `flow_id = '${rows[0]?.id}'`, {
    flow_id: id,
    source: renamed('source'),
    hash: `sha256(convert_to(${renamed('source')}, 'UTF8'))`,
    ...(columns.length > 0 && { routes: `${renamed('routes')}::jsonb` }),
  });
  await admin.query(flows, [1, count]);
  await admin.query(revisions, [1, count]);
}
