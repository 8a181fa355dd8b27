/**
 * Everything breaks for some minutes, and then nothing may be lost, doubled or stuck:
 *
 *   npm run chaos -- [--payments N] [--minutes M] [--workers W] [--seed S] [--disk MIB] [--only "pause,network"] [--report FILE]
 *
 * Prints what happened and what the oracle says; ends with 1 when something does not hold. As root the database stands on disks in
 * memory that are filled up; otherwise that trouble is left out, and said so. `--mutants all` (or a part of a name)
 * plants bugs instead, and looks whether each is found.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runCampaign, type CampaignOptions } from './campaign.ts';
import { mayMount } from './disks.ts';
import { huntMutants, huntTable } from './hunt.ts';
import { markdownOf, tableOf } from './report.ts';
import type { TroubleName } from './troubles.ts';

const { values } = parseArgs({
  options: {
    payments: { type: 'string', default: '2000' },
    minutes: { type: 'string', default: '3' },
    workers: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    disk: { type: 'string', default: '1500' },
    only: { type: 'string' },
    report: { type: 'string' },
    mutants: { type: 'string' },
    tries: { type: 'string', default: '2' },
  },
});
const options: CampaignOptions = {
  payments: Number(values.payments),
  minutes: Number(values.minutes),
  workers: Number(values.workers),
  seed: Number(values.seed),
  diskMegabytes: Number(values.disk),
  faultRate: 0.1,
  atOnce: 400,
  // Names that do not exist are simply never chosen.
  troubles: values.only?.split(',').map((name) => name.trim()) as readonly TroubleName[] | undefined,
  say: (line) => console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`),
};
console.log(`seed ${options.seed}`);
if (!mayMount()) console.log('not root: disks are not filled up');
if (values.mutants === undefined) await campaign();
else await hunt(values.mutants);

async function campaign(): Promise<void> {
  const report = await runCampaign(options);
  console.log(tableOf(report));
  if (values.report !== undefined) writeFileSync(values.report, markdownOf(report));
  process.exitCode = report.findings.some(({ violations }) => violations.length > 0) ? 1 : 0;
}

async function hunt(only: string): Promise<void> {
  const hunts = await huntMutants(options, { only: only === 'all' ? '' : only, tries: Number(values.tries) });
  console.log(huntTable(hunts));
  if (values.report !== undefined) writeFileSync(values.report, huntTable(hunts));
  process.exitCode = hunts.some(({ caughtBy }) => caughtBy === undefined) ? 1 : 0;
}
