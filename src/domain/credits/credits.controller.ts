import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../platform/http/idempotent.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { Credits, type CreditEntry } from './credits.service.ts';

const units = z.int().min(1).max(1_000_000_000);
const changeCredits = z
  .strictObject({ kind: z.enum(['grant', 'use', 'correction']), units, reason: z.string().trim().max(500).default('') })
  .meta({ id: 'ChangeCredits' });
const setThreshold = z
  .strictObject({ lowBelow: z.int().min(0).max(1_000_000_000).meta({ description: 'credit.low is said below it; 0 turns it off' }) })
  .meta({ id: 'SetCreditThreshold' });
const listEntries = z.strictObject(pageFields);

@ApiTags('credit-accounts')
@Controller('v1/credit-accounts/:customer')
export class CreditsController {
  constructor(private readonly credits: Credits) {}

  @Get()
  @Requires('credits:read')
  get(@CurrentCaller() caller: Caller, @Param('customer') customer: string) {
    return this.credits.account(caller.tenantId, uuidOf('cus', customer));
  }

  @Patch()
  @Requires('credits:write')
  setThreshold(
    @CurrentCaller() caller: Caller,
    @Param('customer') customer: string,
    @Body({ schema: setThreshold }) body: z.infer<typeof setThreshold>,
  ) {
    return this.credits.warnBelow(caller.tenantId, uuidOf('cus', customer), body.lowBelow);
  }

  @Get('entries')
  @Requires('credits:read')
  @Paged()
  async entries(
    @CurrentCaller() caller: Caller,
    @Param('customer') customer: string,
    @Query({ schema: listEntries }) query: z.infer<typeof listEntries>,
  ) {
    const after = readCursor(query.cursor, { customer })?.[0];
    const rows = await this.credits.entries(caller.tenantId, uuidOf('cus', customer), { limit: query.limit + 1, after });
    return pageOf(rows, { limit: query.limit, filter: { customer } }, ({ id }) => [id], wireEntry);
  }

  /** Grants credits, uses them, or takes them back as a correction; never below zero. */
  @Post('entries')
  @Requires('credits:write')
  @Idempotent()
  async change(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() key: string,
    @Param('customer') customer: string,
    @Body({ schema: changeCredits }) body: z.infer<typeof changeCredits>,
  ) {
    const wish = { customerId: uuidOf('cus', customer), key, ...body };
    return wireEntry(await this.credits.change(caller.tenantId, wish, caller.actor));
  }
}

function wireEntry(entry: CreditEntry) {
  return {
    id: idOf('cre', entry.id),
    kind: entry.kind,
    units: Number(entry.units),
    balanceAfter: Number(entry.balanceAfter),
    reason: entry.reason,
    order: entry.orderId === null ? null : idOf('ord', entry.orderId),
    createdAt: entry.createdAt.toISOString(),
  };
}
