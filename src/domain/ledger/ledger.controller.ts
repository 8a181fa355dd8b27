import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { idOf } from '../../kernel/ids.ts';
import { toWire } from '../../kernel/money.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Ledger, type LedgerEntry } from './ledger.service.ts';

const entriesQuery = z.strictObject({
  subject: z
    .string()
    .regex(/^[a-z]+\/[a-z]{3}_[0-9a-z]{26}$/)
    .meta({ description: 'What the entries are about', example: 'payment/pay_01jd3k4m5n6p7q8r9s0t1v2w3x' }),
});

/** The books, to read: nobody posts to them over HTTP. */
@ApiTags('ledger')
@Controller('v1/ledger')
export class LedgerController {
  constructor(
    private readonly database: Database,
    private readonly ledger: Ledger,
  ) {}

  /** The sums of all accounts; in each currency the debits equal the credits. */
  @Get('trial-balance')
  @Requires('audit:read')
  async trialBalance(@CurrentCaller() caller: Caller) {
    const balances = await this.database.transact(caller.tenantId, (tx) => this.ledger.trialBalance(tx));
    return {
      accounts: balances.map(({ account, normal, debits, credits, balance }) => ({
        account,
        normal,
        debits: toWire(debits),
        credits: toWire(credits),
        balance: toWire(balance),
      })),
    };
  }

  /** The entries about one payment, invoice or other subject, oldest first. */
  @Get('entries')
  @Requires('audit:read')
  async entries(@CurrentCaller() caller: Caller, @Query({ schema: entriesQuery }) query: z.infer<typeof entriesQuery>) {
    const entries = await this.database.transact(caller.tenantId, (tx) => this.ledger.entriesOf(tx, query.subject));
    return { items: entries.map(wireEntry) };
  }
}

function wireEntry(entry: LedgerEntry) {
  return {
    id: idOf('led', entry.id),
    kind: entry.kind,
    subject: entry.subject,
    description: entry.description,
    effectiveAt: entry.effectiveAt.toISOString(),
    reverses: entry.reverses === undefined ? null : idOf('led', entry.reverses),
    reversedBy: entry.reversedBy === undefined ? null : idOf('led', entry.reversedBy),
    lines: entry.lines.map(({ account, side, amount }) => ({ account, side, amount: toWire(amount) })),
  };
}
