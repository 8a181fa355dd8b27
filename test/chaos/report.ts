/** What a campaign came to, for people: as lines on the terminal, and as a page. */
import type { CampaignReport } from './campaign.ts';
import type { Harm } from './oracle.ts';

export function tableOf(report: CampaignReport): string {
  const facts = factsOf(report).map(([what, found]) => `${what.padEnd(34)} ${found}`);
  const findings = report.findings.flatMap(({ id, question, checked, violations }) => [
    `${violations.length === 0 ? 'ok     ' : 'problem'}  ${id}  ${question} (${checked})`,
    ...violations.map((violation) => `             ${violation}`),
  ]);
  return ['', ...facts, '', ...findings, ''].join('\n');
}

/** The last line of a campaign; other people's scripts read it. */
export function verdictOf(report: CampaignReport): string {
  const wrong = (harm: Harm) => sum(report.findings.map((finding) => (finding.harm === harm ? finding.wrong : 0)));
  const counted = [report.troubles, report.deaths, report.bankFaults].flatMap((counts) => Object.values(counts));
  return `lost ${wrong('lost')}, doubled ${wrong('doubled')}, stuck ${wrong('stuck')}, unbalanced ${wrong('unbalanced')} in ${report.sent} payments, ${sum(counted)} faults (seed ${report.seed})`;
}

/** The same in Markdown. */
export function markdownOf(report: CampaignReport): string {
  return [
    '| what | |',
    '| --- | --- |',
    ...factsOf(report).map(([what, found]) => `| ${what} | ${found} |`),
    '',
    '| | question | compared | violations |',
    '| --- | --- | ---: | ---: |',
    ...report.findings.map(({ id, question, checked, violations }) => `| ${id} | ${question} | ${checked} | ${violations.length} |`),
    '',
    ...report.findings.flatMap(({ id, violations }) => violations.map((violation) => `- ${id}: ${violation}`)),
    '',
  ].join('\n');
}

function factsOf(report: CampaignReport): readonly (readonly [string, string])[] {
  const { recoveries } = report;
  return [
    ['seed', String(report.seed)],
    ['storm, then calm', `${report.seconds.toFixed(0)} s, ${report.calmSeconds.toFixed(0)} s`],
    ['payments', String(report.sent)],
    ['events acknowledged', String(report.acknowledged)],
    ['events sent again on purpose', String(report.repeats)],
    ['requests without an answer', String(report.unanswered)],
    ['rounds, poison, sales', `${report.rounds}, ${report.poisons}, ${report.sales}`],
    ['runs', listOf(report.runs)],
    ['effects at the bank', String(report.effects)],
    ['faults of the bank', listOf(report.bankFaults)],
    ['troubles', listOf(report.troubles)],
    ['deaths of processes', String(report.processKills)],
    ['deaths of PostgreSQL', String(report.postgresKills)],
    ['named points with a death', `${Object.keys(report.deaths).length}, ${sum(Object.values(report.deaths))} deaths there`],
    ['connections cut', String(report.cuts)],
    ['commands of people', listOf(report.people)],
    ['a process is ready again after', spread(recoveries.process)],
    ['PostgreSQL is up again after', spread(recoveries.postgres)],
  ];
}

/** `p50 … ms, p99 … ms, most … ms` */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return '–';
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`;
}

function listOf(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  return parts.length === 0 ? '–' : parts.join(', ');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
