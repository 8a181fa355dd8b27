/**
 * Tells random histories of payments at a provider: `npm run histories -- --provider mollie --count 20000 --seed 1`, of all providers
 * without `--provider`, or one again: `--from 1234 --count 1`. With `--bug refunds-twice` a bug is planted, to see that it is found.
 * With `--minutes 30` it ends after that time, with as many as were told. What a history is, and what has to agree in the end, is in docs/histories.md.
 */
import { parseArgs } from 'node:util';
import '../simulation/built-sources.ts';
import type { DeskName } from '../desks/desks.ts';
import type { PlantedBug } from './planted-bug.ts';

const { DESKS } = await import('../desks/desks.ts');
const { PLANTED_BUGS } = await import('./planted-bug.ts');
const { playHistories } = await import('./play.ts');

const { values } = parseArgs({
  options: {
    provider: { type: 'string' },
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    minutes: { type: 'string' },
    lanes: { type: 'string', default: '4' },
    bug: { type: 'string' },
  },
});
const providers = (Object.keys(DESKS) as DeskName[]).filter((name) => values.provider === undefined || values.provider === name); // keys of the table
const bug = (Object.keys(PLANTED_BUGS) as PlantedBug[]).find((name) => name === values.bug);
if (providers.length === 0) throw new RangeError(`no such provider: ${values.provider}; there are ${Object.keys(DESKS).join(', ')}`);
if (values.bug !== undefined && bug === undefined)
  throw new RangeError(`no such bug: ${values.bug}; there are ${Object.keys(PLANTED_BUGS).join(', ')}`);

for (const provider of providers) {
  const begun = performance.now();
  const campaign = {
    provider,
    count: Number(values.count),
    seed: Number(values.seed),
    from: Number(values.from),
    bug,
    forMs: values.minutes === undefined ? undefined : Number(values.minutes) * 60_000,
    lanes: Number(values.lanes),
  };
  const { played, steps, kinds, failure } = await playHistories(campaign);
  const seconds = (performance.now() - begun) / 1_000;
  const line = `${provider}: ${played} histories from seed ${campaign.seed}, ${steps} steps, in ${seconds.toFixed(1)} s`;
  process.stdout.write(`${kinds.toString()}\n`);
  if (!failure) process.stdout.write(`${line}: the books agree\n`);
  else {
    process.exitCode = 1;
    process.stdout.write(`${line}: NO. ${failure.problem}\nas short as it gets: ${JSON.stringify(failure.shortest)}\n`);
    process.stdout.write(`again: npm run histories -- --provider ${provider} --seed ${campaign.seed} --from ${failure.index} --count 1\n`);
  }
}
