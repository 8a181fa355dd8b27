/**
 * Everything breaks for some minutes, and then nothing may be lost, doubled or stuck:
 *
 *   npm run chaos -- [--payments N] [--minutes M] [--kills N] [--workers W] [--seed S] [--pace SECONDS] [--disk MIB] [--only "pause,network"] [--report FILE] [--keep DIR]
 *
 * Prints what happened and what the oracle says; ends with 1 when something does not hold. `--keep` is where the journals of the runs
 * then go, with the books of the others and what the processes said. Stopped by a signal, it takes everything down that it put up. As root the database stands on disks in
 * memory that are filled up; otherwise that trouble is left out, and said so. `--mutants all` (or a part of a name)
 * plants bugs instead, and looks whether each is found.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runCampaign, type CampaignOptions } from './campaign.ts';
import { mayMount } from './disks.ts';
import { huntMutants, huntTable } from './hunt.ts';
import { markdownOf, tableOf, verdictOf } from './report.ts';
import type { TroubleName } from './troubles.ts';

const { values } = parseArgs({
  options: {
    payments: { type: 'string', default: '2000' },
    minutes: { type: 'string', default: '3' },
    kills: { type: 'string' },
    workers: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    pace: { type: 'string', default: '2' },
    disk: { type: 'string', default: '1500' },
    only: { type: 'string' },
    report: { type: 'string' },
    keep: { type: 'string' },
    mutants: { type: 'string' },
    tries: { type: 'string', default: '2' },
  },
});
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopping.abort());
for (const name of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(name, (error) => {
    console.error(error);
    stopping.abort();
  });
const options: CampaignOptions = {
  payments: Number(values.payments),
  minutes: Number(values.minutes),
  kills: values.kills === undefined ? undefined : Number(values.kills),
  workers: Number(values.workers),
  seed: Number(values.seed),
  diskMegabytes: Number(values.disk),
  faultRate: 0.1,
  // A minute of the load: the program is behind by more than that only while nothing at all goes on.
  atOnce: Math.max(400, Number(values.payments) / Number(values.minutes)),
  pace: Number(values.pace),
  // Names that do not exist are simply never chosen.
  troubles: values.only?.split(',').map((name) => name.trim()) as readonly TroubleName[] | undefined,
  keep: values.keep,
  signal: stopping.signal,
  say: (line) => console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`),
};
console.log(`seed ${options.seed}`);
if (!mayMount()) console.log('not root: disks are not filled up');
try {
  if (values.mutants === undefined) await campaign();
  else await hunt(values.mutants);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
// What was under way when a campaign broke off may still wait for something.
process.exit();

async function campaign(): Promise<void> {
  const report = await runCampaign(options);
  console.log(tableOf(report));
  console.log(verdictOf(report));
  if (values.report !== undefined) writeFileSync(values.report, markdownOf(report));
  process.exitCode = report.findings.some(({ violations }) => violations.length > 0) ? 1 : 0;
}

async function hunt(only: string): Promise<void> {
  const hunts = await huntMutants(options, { only: only === 'all' ? '' : only, tries: Number(values.tries) });
  console.log(huntTable(hunts));
  console.log(`caught ${hunts.filter(({ caughtBy }) => caughtBy !== undefined).length} of ${hunts.length} planted bugs`);
  if (values.report !== undefined) writeFileSync(values.report, huntTable(hunts));
  process.exitCode = hunts.some(({ caughtBy }) => caughtBy === undefined) ? 1 : 0;
}
