import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
import type { Money } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { creditErrors } from './credit.errors.ts';
import { CreditPackageEntity, type CreditPackageRow } from './credit-package.entity.ts';

export interface NewCreditPackage {
  readonly name: string;
  readonly credits: number;
  /** Without VAT. */
  readonly price: Money;
  /** Per ten thousand: 2100 is 21 %. */
  readonly vatRate: number;
}

/** What credits are sold in. */
@Injectable()
export class CreditPackages {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws credit.package-name-taken */
  create(tenantId: string, wish: NewCreditPackage): Promise<CreditPackageRow> {
    return this.database.transact(tenantId, async (tx) => {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`credit-package ${tx.tenantId} ${wish.name}`]);
      if (await tx.em.findOne(CreditPackageEntity, { name: wish.name })) throw creditErrors['package-name-taken']({ name: wish.name });
      return tx.em.create(CreditPackageEntity, {
        id: newUuid(),
        tenantId,
        name: wish.name,
        credits: BigInt(wish.credits),
        currency: wish.price.currency,
        netMinor: wish.price.minor,
        vatRate: wish.vatRate,
        active: true,
        createdAt: this.clock.now(),
      });
    });
  }

  list(tenantId: string, page: { readonly limit: number; readonly after?: string | undefined }): Promise<CreditPackageRow[]> {
    return this.database.transact(tenantId, (tx) =>
      tx.em.find(
        CreditPackageEntity,
        { active: true, ...(page.after === undefined ? {} : { id: { $gt: page.after } }) },
        { orderBy: { id: 'asc' }, limit: page.limit },
      ),
    );
  }

  /** One that can be bought. @throws credit.package-not-found */
  async active(tx: Transaction, id: string): Promise<CreditPackageRow> {
    const found = await tx.em.findOne(CreditPackageEntity, { id, active: true });
    if (!found) throw creditErrors['package-not-found']();
    return found;
  }
}
