/**
 * Carries out bulk jobs: gives every run its command, at the job's rate, and writes down what became of it.
 *
 * Any process may do it; a job belongs to the one that holds the lease in its row, for {@link LEASE_MS} from its last look. A batch
 * is one transaction: the commands, which runs they went to, and how far the rate is used. So a process that dies between two
 * transactions has given every command once or not at all, and what comes of a command is found by its number, whoever gave it.
 * At one time one job of a tenant is worked on, the oldest; jobs of several tenants go on side by side.
 */
import { Injectable } from '@nestjs/common';
import { newUuid } from '../../kernel/ids.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { IN_EVERY_PROCESS, RegularWork } from '../../platform/regular-work.ts';
import { RunEngine } from '../run-engine.ts';

const LOOK_MS = 200;
const IDLE_LOOK_MS = 1_000;
const LEASE_MS = 5_000;
/** Commands of one job that are on their way: the engine answers these before it gets more. */
const MOST_ON_THE_WAY = 200;
const PRUNE_EVERY = 3_600;

@Injectable()
export class BulkWorker extends RegularWork<number> {
  readonly #name = newUuid();
  #looks = 0;

  constructor(
    private readonly pool: EnginePool,
    private readonly engine: RunEngine,
  ) {
    super(IN_EVERY_PROCESS, { context: 'runs', everyMs: IDLE_LOOK_MS, problem: 'bulk jobs are tried again', level: 'warn' });
  }

  /** One look at all jobs. @returns how many there were to work on */
  async work(): Promise<number> {
    const { rows: jobs } = await this.pool.query<{ id: string }>(CLAIM_JOBS, [this.#name, LEASE_MS]);
    for (const { id } of jobs) {
      await this.pool.query(COLLECT_ANSWERS, [id]);
      crashPoint('bulk.commands.before');
      const { rows } = await this.pool.query<{ given: number }>(GIVE_COMMANDS, [id, this.#name, MOST_ON_THE_WAY]);
      crashPoint('bulk.commands.after');
      if ((rows[0]?.given ?? 0) > 0) this.engine.nudge();
      await this.pool.query(FINISH, [id]);
    }
    return jobs.length;
  }

  protected override async doDue(): Promise<number> {
    const busy = await this.work();
    this.#looks += 1;
    if (this.#looks % PRUNE_EVERY === 0) await this.pool.query(FORGET_PREVIEWS);
    return busy;
  }

  protected override pauseAfter(busy: number): number {
    return busy > 0 ? LOOK_MS : IDLE_LOOK_MS;
  }
}

/**
 * Of every tenant the oldest running job, and those that stand still while commands of theirs are on the way. One that is not
 * this process's and whose lease holds is left alone.
 */
const CLAIM_JOBS = `
update bulk_job set worker = $1, lease_until = clock_timestamp() + $2::int * interval '1 millisecond'
where id in (
  select id from bulk_job j
  where (
    (state = 'running' and not exists (
      select from bulk_job o where o.tenant_id = j.tenant_id and o.state = 'running' and (o.started_at, o.id) < (j.started_at, j.id)))
    or (state in ('running', 'paused', 'aborted') and exists (select from bulk_job_run r where r.job_id = j.id and r.state = 'sent'))
  ) and (worker = $1 or lease_until is null or lease_until < clock_timestamp())
  for update skip locked
)
returning id`;

const COLLECT_ANSWERS = `
update bulk_job_run r set state = case when c.answer ->> 'refused' is null then 'done' else 'refused' end, answer = c.answer ->> 'refused'
from run_command c
where r.job_id = $1 and r.state = 'sent' and c.id = r.command_id and c.handled_at is not null`;

/**
 * The next runs, as many as the rate has room for since it was last used; what was not used within a second is lost. A run that
 * does not stand as it stood at the preview is left alone. Nothing happens without the lease.
 */
const GIVE_COMMANDS = `
with job as (
  select *, greatest(paced_at, clock_timestamp() - interval '1 second') as paced from bulk_job
  where id = $1 and worker = $2 and state = 'running' and not exists (
    select from bulk_job o where o.tenant_id = bulk_job.tenant_id and o.state = 'running' and (o.started_at, o.id) < (bulk_job.started_at, bulk_job.id))
  for update
), room as (
  select job.*, least(
    floor(extract(epoch from clock_timestamp() - paced) * rate)::int,
    $3::int - (select count(*)::int from bulk_job_run where job_id = job.id and state = 'sent')) as most
  from job
), taken as (
  select b.position, b.run_id, r.id is not null and r.status = b.status
    and b.journal_rows = coalesce((select max(seq) + 1 from run_journal j where j.run_id = b.run_id), 0) as unchanged
  from room join lateral (
    select * from bulk_job_run where job_id = room.id and state = 'pending' order by position limit greatest(room.most, 0)
  ) b on true left join run r on r.id = b.run_id
), given as (
  insert into run_command (tenant_id, run_id, kind, detail, requested_by, reason, bulk_job)
  select room.tenant_id, taken.run_id, room.action, room.detail, room.started_by, room.reason, room.id
  from room, taken where taken.unchanged
  returning id, run_id
), sent as (
  update bulk_job_run b set state = case when taken.unchanged then 'sent' else 'changed' end, command_id = given.id
  from taken left join given on given.run_id = taken.run_id
  where b.job_id = $1 and b.position = taken.position
  returning b.position
), paced as (
  update bulk_job j set paced_at = room.paced + (select count(*) from taken) * interval '1 second' / room.rate
  from room where j.id = room.id and exists (select from taken)
)
select (select count(*)::int from given) as given`;

const FINISH = `
update bulk_job j set state = 'completed', finished_at = clock_timestamp()
where id = $1 and state = 'running' and not exists (select from bulk_job_run r where r.job_id = j.id and r.state in ('pending', 'sent'))`;

const FORGET_PREVIEWS = `delete from bulk_job where state = 'preview' and previewed_at < clock_timestamp() - interval '1 day'`;
