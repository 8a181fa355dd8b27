/** Plants one bug after the other and looks whether a short campaign finds it. */
import { runCampaign, type CampaignOptions } from './campaign.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

/** What became of one planted bug. */
export interface Hunt {
  readonly mutant: string;
  /** What the oracle said first; undefined when it found nothing. */
  readonly caughtBy: string | undefined;
  readonly payments: number;
  readonly kills: number;
  readonly seconds: number;
}

/** Each bug gets up to `tries` campaigns, with other seeds. Those whose names contain no part of `only` (with commas between them) are left out. */
export async function huntMutants(
  settings: Pick<CampaignOptions, 'payments' | 'minutes' | 'seed' | 'diskMegabytes' | 'atOnce' | 'pace' | 'signal' | 'say'>,
  { only, tries }: { readonly only: string; readonly tries: number },
): Promise<readonly Hunt[]> {
  const hunts: Hunt[] = [];
  for (const mutant of MUTANTS.filter(({ name }) => only.split(',').some((part) => name.includes(part.trim())))) {
    const hunt = await huntOne(mutant, settings, tries);
    settings.say(
      `${hunt.caughtBy === undefined ? 'NOT CAUGHT' : 'caught'}: ${mutant.name}${hunt.caughtBy === undefined ? '' : `: ${hunt.caughtBy}`}`,
    );
    hunts.push(hunt);
  }
  return hunts;
}

async function huntOne(
  mutant: Mutant,
  settings: Pick<CampaignOptions, 'payments' | 'minutes' | 'seed' | 'diskMegabytes' | 'atOnce' | 'pace' | 'signal' | 'say'>,
  tries: number,
): Promise<Hunt> {
  const began = performance.now();
  let [payments, kills] = [0, 0];
  let caughtBy: string | undefined;
  for (let attempt = 0; attempt < tries && caughtBy === undefined; attempt += 1) {
    const report = await runCampaign({
      ...settings,
      seed: settings.seed + attempt,
      workers: 2,
      faultRate: mutant.faultRate,
      troubles: mutant.troubles,
      mutant,
      say: () => undefined,
    });
    payments += report.sent;
    kills += report.processKills + report.postgresKills;
    const found = report.findings.find(({ id, violations }) => mutant.caughtBy.includes(id) && violations.length > 0);
    if (found) caughtBy = `${found.id}: ${found.violations[0]}`;
  }
  return { mutant: mutant.name, caughtBy, payments, kills, seconds: (performance.now() - began) / 1_000 };
}

/** As lines of a page. */
export function huntTable(hunts: readonly Hunt[]): string {
  return [
    '| planted bug | caught by | payments | kills | seconds |',
    '| --- | --- | ---: | ---: | ---: |',
    ...hunts.map(
      ({ mutant, caughtBy, payments, kills, seconds }) =>
        `| ${mutant} | ${caughtBy?.replaceAll('|', '/').slice(0, 140) ?? '**not caught**'} | ${payments} | ${kills} | ${seconds.toFixed(0)} |`,
    ),
    '',
  ].join('\n');
}
