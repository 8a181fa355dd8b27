import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { positiveMoneySchema } from '../../platform/http/money-schema.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import type { CreditPackageRow } from './credit-package.entity.ts';
import { CreditPackages, type NewCreditPackage } from './credit-packages.service.ts';

const createPackage = z
  .strictObject({
    name: z.string().trim().min(1).max(100),
    credits: z.int().min(1).max(1_000_000_000),
    price: positiveMoneySchema.meta({ description: 'Without VAT' }),
    vatRate: z.int().min(0).max(10_000).meta({ description: 'Per ten thousand: 2100 is 21 %' }),
  })
  .meta({ id: 'CreateCreditPackage' });
const listPackages = z.strictObject(pageFields);

@ApiTags('credit-packages')
@Controller('v1/credit-packages')
export class CreditPackagesController {
  constructor(private readonly packages: CreditPackages) {}

  @Post()
  @Requires('credits:write')
  async create(@CurrentCaller() caller: Caller, @Body({ schema: createPackage }) body: NewCreditPackage) {
    return wirePackage(await this.packages.create(caller.tenantId, body));
  }

  @Get()
  @Requires('credits:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listPackages }) query: z.infer<typeof listPackages>) {
    const after = readCursor(query.cursor)?.[0];
    const rows = await this.packages.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('pkg', after),
    });
    return pageOf(rows, { limit: query.limit }, ({ id }) => [idOf('pkg', id)], wirePackage);
  }
}

function wirePackage(row: CreditPackageRow) {
  return {
    id: idOf('pkg', row.id),
    name: row.name,
    credits: Number(row.credits),
    price: toWire(money(row.netMinor, row.currency)),
    vatRate: row.vatRate,
  };
}
