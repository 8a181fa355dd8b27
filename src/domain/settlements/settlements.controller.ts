import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../platform/http/idempotent.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import type { SettlementImport } from './import-rows.ts';
import type { LineView } from './settlement-rows.ts';
import { Settlements } from './settlements.service.ts';

const connection = z.string().max(100).optional().meta({ description: 'Name or id' });
const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/)
  .meta({ description: 'A day of the provider’s calendar', example: '2026-11-30' });
const listSettlements = z.strictObject({
  ...pageFields,
  connection,
  kind: z.enum(['payout', 'day']).optional(),
  status: z.enum(['open', 'paid', 'unbalanced']).optional(),
});
const listImports = z.strictObject({ ...pageFields, connection });
const listLines = z.strictObject(pageFields);
const importSettlements = z
  .strictObject({
    connection: z.string().max(100).meta({ description: 'Name or id' }),
    from: day,
    to: day.optional().meta({ description: 'The last day; default: only the first', example: '2026-11-30' }),
  })
  .meta({ id: 'ImportSettlements' });

/** What providers paid out, line by line. */
@ApiTags('settlements')
@Controller('v1/settlements')
export class SettlementsController {
  constructor(private readonly settlements: Settlements) {}

  @Get()
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listSettlements }) query: z.infer<typeof listSettlements>) {
    const filter = { connection: query.connection, kind: query.kind, status: query.status };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.settlements.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('set', after),
      connection: query.connection,
      kind: query.kind,
      state: query.status,
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (settlement) => settlement,
    );
  }

  /** Reads days of one provider now, in the background; days that were read before are read again. The answer says where to look. */
  @Post('import')
  @HttpCode(202)
  @Requires('payments:write')
  @Idempotent()
  async import(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: importSettlements }) { connection: name, from, to = from }: z.infer<typeof importSettlements>,
  ) {
    const wish = { connection: name, from, to, requestKey, actor: caller.actor };
    return wireImport(await this.settlements.requestImport(caller.tenantId, wish));
  }

  @Get('imports')
  @Requires('payments:read')
  @Paged()
  async imports(@CurrentCaller() caller: Caller, @Query({ schema: listImports }) query: z.infer<typeof listImports>) {
    const filter = { connection: query.connection };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.settlements.listImports(caller.tenantId, { limit: query.limit + 1, after, connection: query.connection });
    return pageOf(rows, { limit: query.limit, filter }, ({ id }) => [id], wireImport);
  }

  @Get('imports/:id')
  @Requires('payments:read')
  async getImport(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return wireImport(await this.settlements.getImport(caller.tenantId, uuidOf('imp', id)));
  }

  @Get(':id')
  @Requires('payments:read')
  get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.settlements.get(caller.tenantId, uuidOf('set', id));
  }

  /** Its lines, in the order in which the provider booked them. Amounts are exact: costs have up to four decimals. */
  @Get(':id/lines')
  @Requires('payments:read')
  @Paged()
  async lines(@CurrentCaller() caller: Caller, @Param('id') id: string, @Query({ schema: listLines }) query: z.infer<typeof listLines>) {
    const filter = { settlement: id };
    const [bookedAt, line] = readCursor(query.cursor, filter) ?? [];
    const rows = await this.settlements.lines(caller.tenantId, uuidOf('set', id), {
      limit: query.limit + 1,
      after: bookedAt === undefined || line === undefined ? undefined : { bookedAt, id: line },
    });
    return pageOf(rows, { limit: query.limit, filter }, (row) => [row.bookedAt.toISOString(), row.id], wireLine);
  }
}

function wireImport({ id, connectionId, origin, firstDay, lastDay, state, lines, problem, nextAt, createdAt, endedAt }: SettlementImport) {
  return {
    id: idOf('imp', id),
    status: state,
    origin,
    connection: idOf('con', connectionId),
    from: firstDay,
    to: lastDay,
    lines,
    problem,
    nextAt: nextAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}

function wireLine(line: LineView) {
  return {
    providerId: line.providerId,
    kind: line.kind,
    providerType: line.providerType,
    payment: line.paymentId === null ? null : idOf('pay', line.paymentId),
    refund: line.refundId === null ? null : idOf('ref', line.refundId),
    currency: line.currency,
    gross: line.gross,
    fee: line.fee,
    feeVat: line.feeVat,
    net: line.net,
    explained: line.explained,
    exchanged: line.exchanged,
    bookedAt: line.bookedAt.toISOString(),
    ledgerDate: line.ledgerDate,
  };
}
