import { Global, Module } from '@nestjs/common';
import { Audit } from './audit.ts';
import { Tenants } from './tenants.ts';

/** Tenants and the audit trail, for every module. Needs `Database` from a global module. */
@Global()
@Module({ providers: [Tenants, Audit], exports: [Tenants, Audit] })
export class TenancyModule {}
