import { Module, type OnModuleInit } from '@nestjs/common';
import { PageOrigins } from '../../platform/auth/page-origins.ts';
import { PortalOriginsController } from './portal-origins.controller.ts';
import { PortalOrigins } from './portal-origins.ts';

/** Needs `PageOrigins` from a global module, and tells it whose pages may read what a stream token opens. */
@Module({ controllers: [PortalOriginsController], providers: [PortalOrigins], exports: [PortalOrigins] })
export class PortalsModule implements OnModuleInit {
  constructor(
    private readonly origins: PortalOrigins,
    private readonly pages: PageOrigins,
  ) {}

  onModuleInit(): void {
    this.pages.decideBy((tenantId, origin) => this.origins.lists(tenantId, origin));
  }
}
