import type { Command } from 'commander';
import { EXIT } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';
import type { ChainReport } from '../platform/chain/verify-chain.ts';

/** `kassaflow audit verify`: whether the ledger and the audit log are what was written. */
export function addAudit(program: Command, context: CommandContext): void {
  program
    .command('audit')
    .description('the audit log and the ledger')
    .command('verify')
    .description('recompute the hash chains, compare them with the heads that were signed, and say where they do not fit')
    .option('--json', 'print it as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { reports, forged } = await verifyLogs(context);
      context
        .printer(options)
        .one({ reports, forged }, () => [
          ...reports.flatMap(linesOf),
          ...forged.map((line) => `line ${line} of chain-heads.jsonl was not signed by this installation`),
        ]);
      if (forged.length > 0 || reports.some(({ problems }) => problems.length > 0)) process.exitCode = EXIT.problems;
    });
}

async function verifyLogs({ config }: CommandContext): Promise<{ reports: readonly ChainReport[]; forged: readonly number[] }> {
  const [{ onDatabaseOf }, { OwnerSession }, { verifyChain }, { readHeads }, { CHAINED_LOGS }] = await Promise.all([
    import('./with-database.ts'),
    import('../platform/housekeeping/owner-session.ts'),
    import('../platform/chain/verify-chain.ts'),
    import('../platform/chain/chain-heads.ts'),
    import('../chained-logs.ts'),
  ]);
  const { heads, forged } = await readHeads(config.dataDirectory);
  return onDatabaseOf(config, async (address) => {
    const session = await OwnerSession.open(address);
    try {
      const reports: ChainReport[] = [];
      for (const log of CHAINED_LOGS) reports.push(await verifyChain(session, log, heads));
      return { reports, forged };
    } finally {
      await session.close();
    }
  });
}

function linesOf({ log, blocks, rows, problems }: ChainReport): string[] {
  const found = problems.length === 0 ? 'all fit' : `${problems.length} do not fit`;
  return [
    `${log.padEnd(8)} ${rows} rows in ${blocks} blocks: ${found}`,
    ...problems.map(({ tenantId, block, problem }) => `         tenant ${tenantId}${block > 0 ? `, block ${block}` : ''}: ${problem}`),
  ];
}
