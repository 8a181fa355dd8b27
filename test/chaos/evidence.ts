/** What is kept of a campaign that found something, so that a reason that nobody knows yet can be read up. */
import { copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';

/** A run with all that its journal says. */
export interface RunTale {
  readonly id: string;
  readonly flow: string;
  readonly status: string;
  readonly epoch: string;
  readonly reason: unknown;
  readonly journal: readonly { readonly seq: number; readonly at: string; readonly entries: readonly unknown[] }[];
  readonly timer: string | null;
  readonly waits: readonly unknown[];
  readonly signals: readonly unknown[];
  readonly questions: readonly unknown[];
  readonly commands: readonly unknown[];
}

const TALES = `
select r.id::text, f.name as flow, r.status, r.epoch::text, r.reason,
  (select coalesce(json_agg(json_build_object('seq', j.seq, 'at', j.at, 'entries', j.entries) order by j.seq), '[]') from run_journal j where j.run_id = r.id) as journal,
  (select min(t.wake_at)::text from run_timer t where t.run_id = r.id) as timer,
  (select coalesce(json_agg(to_json(w)), '[]') from run_wait w where w.run_id = r.id) as waits,
  (select coalesce(json_agg(to_json(s)), '[]') from run_signal s where s.run_id = r.id) as signals,
  (select coalesce(json_agg(to_json(a)), '[]') from run_attention a where a.run_id = r.id) as questions,
  (select coalesce(json_agg(to_json(c)), '[]') from run_command c where c.run_id = r.id) as commands
from run r join flow f on f.id = r.flow_id where r.id = any ($1::uuid[]) order by r.id`;

export async function talesOf(database: pg.Client, runs: readonly string[]): Promise<readonly RunTale[]> {
  const { rows } = await database.query<RunTale>(TALES, [runs]);
  return rows;
}

/** The ids of runs, or of anything else, that occur in what the oracle says. */
export function idsIn(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => text.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? []))];
}

/** The end of a run's journal, one entry in a line. */
export function tailOf({ id, flow, status, epoch, journal, timer, waits, signals, questions }: RunTale, entries = 6): readonly string[] {
  const all = journal.flatMap(({ seq, at, entries: some }) => some.map((entry) => `${seq} ${at}  ${JSON.stringify(entry).slice(0, 300)}`));
  const rows = [...waits, ...signals, ...questions].map((row) => JSON.stringify(row).slice(0, 300));
  return [`${flow} ${id}: ${status}, epoch ${epoch}${timer === null ? '' : `, timer ${timer}`}`, ...all.slice(-entries), ...rows];
}

/** Copies the books of the others, the journals of these runs and what the processes said to `to`. */
export function keep(folder: string, to: string, tales: readonly RunTale[], said: readonly string[]): void {
  mkdirSync(to, { recursive: true });
  for (const name of ['acknowledged.ndjson', 'bank.ndjson'])
    if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(to, name));
  const logs = join(folder, 'logs');
  if (existsSync(logs)) cpSync(logs, join(to, 'logs'), { recursive: true });
  writeFileSync(join(to, 'runs.json'), JSON.stringify(tales, undefined, 2));
  writeFileSync(join(to, 'findings.txt'), `${said.join('\n')}\n`);
}
