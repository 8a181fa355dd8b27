/** Tenants: the businesses whose money and flows these are. Made by the operator, never by a request. */
import { Injectable } from '@nestjs/common';
import { defineErrors } from '../../kernel/errors.ts';
import { isTimeZone } from '../../kernel/duration.ts';
import { newUuid } from '../../kernel/ids.ts';
import { Database } from '../database/transaction.ts';
import type { Mode } from '../auth/caller.ts';
import { Audit } from './audit.ts';
import { NO_TENANT } from './no-tenant.ts';

export const tenantErrors = defineErrors('tenant', {
  'not-found': { status: 404, title: 'There is no tenant with this name', remedy: 'fix' },
  'slug-taken': { status: 409, title: 'Another tenant has this name', remedy: 'fix' },
  format: { status: 422, title: 'A tenant is named by 2 to 41 small letters, digits and dashes, beginning with a letter', remedy: 'fix' },
  'time-zone': { status: 422, title: 'This is not a time zone', remedy: 'fix', help: 'Use an IANA name such as Europe/Amsterdam.' },
});

export interface Tenant {
  /** A `uuid`. */
  readonly id: string;
  readonly mode: Mode;
}

export interface NewTenant {
  /** Its short name, for the command line. */
  readonly slug: string;
  /** Its name for people. */
  readonly name: string;
  readonly mode: Mode;
  /** Default: Europe/Amsterdam. */
  readonly timeZone?: string;
}

@Injectable()
export class Tenants {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
  ) {}

  /** @throws tenant.format, tenant.time-zone, tenant.slug-taken */
  async create({ slug, name, mode, timeZone = 'Europe/Amsterdam' }: NewTenant, actor: string): Promise<Tenant> {
    if (!/^[a-z][a-z0-9-]{1,40}$/.test(slug)) throw tenantErrors.format({ found: slug.slice(0, 60) });
    if (!isTimeZone(timeZone)) throw tenantErrors['time-zone']({ found: timeZone.slice(0, 60) });
    const id = newUuid();
    // Row security lets a transaction insert the tenant whose id it carries, and no other.
    await this.database.transact(id, async (tx) => {
      const inserted = await tx.query<{ id: string }>(
        'insert into tenant (id, slug, name, mode, time_zone) values ($1, $2, $3, $4, $5) on conflict (slug) do nothing returning id',
        [id, slug, name, mode, timeZone],
      );
      if (inserted.length === 0) throw tenantErrors['slug-taken']({ slug });
      await this.audit.append(tx, { actor, action: 'tenant.create', subject: `tenant/${slug}`, detail: { mode } });
    });
    return { id, mode };
  }

  /** The tenant with this short name, if there is one. */
  async find(slug: string): Promise<Tenant | undefined> {
    const [row] = await this.database.transact(NO_TENANT, (tx) => tx.query<Tenant>('select id, mode from find_tenant($1)', [slug]));
    return row && { id: row.id, mode: row.mode };
  }

  /** @throws tenant.not-found */
  async get(slug: string): Promise<Tenant> {
    const tenant = await this.find(slug);
    if (!tenant) throw tenantErrors['not-found']({ slug });
    return tenant;
  }
}
