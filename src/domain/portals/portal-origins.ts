/**
 * Origins of a tenant's portals: where payers may be led back to, and whose pages may ask about a checkout session and follow
 * what a stream token is for.
 *
 * In live mode an address must be of a listed origin. In test mode any https does as long as none is listed, and this computer
 * always. Our own address always does. See docs/decisions/0016-return-addresses.md.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { portalErrors } from './portal.errors.ts';
import { readOrigin, type PortalMode } from './return-address.ts';

@Injectable()
export class PortalOrigins {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  list(tenantId: string): Promise<string[]> {
    return this.database.transact(tenantId, listedOrigins);
  }

  /** Tells whether pages of the origin are a portal's, by the list alone. */
  lists(tenantId: string, origin: string): Promise<boolean> {
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.query('select from portal_origin where origin = $1', [origin]);
      return rows.length > 0;
    });
  }

  /** Replaces the list. @throws portal.origin */
  replace(tenantId: string, wanted: readonly string[], by: { readonly actor: string; readonly mode: PortalMode }): Promise<string[]> {
    const origins = wanted.map((text, index) => {
      const origin = readOrigin(text, by.mode);
      if (origin === undefined) throw portalErrors.origin({ field: `origins.${index}` });
      return origin;
    });
    return this.database.transact(tenantId, async (tx) => {
      await tx.query('delete from portal_origin where origin <> all ($1::text[])', [origins]);
      await tx.query(
        'insert into portal_origin (tenant_id, origin, created_at) select $1, origin, $3 from unnest($2::text[]) as origin on conflict do nothing',
        [tx.tenantId, origins, this.clock.now()],
      );
      const listed = await listedOrigins(tx);
      await this.audit.append(tx, {
        actor: by.actor,
        action: 'portal-origins.replace',
        subject: 'portal-origins',
        detail: { origins: listed },
      });
      return listed;
    });
  }
}

/** In the order of the alphabet. */
export async function listedOrigins(tx: Transaction): Promise<string[]> {
  const rows = await tx.query<{ origin: string }>('select origin from portal_origin order by origin');
  return rows.map(({ origin }) => origin);
}
