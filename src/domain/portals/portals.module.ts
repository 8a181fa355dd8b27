import { Module } from '@nestjs/common';
import { PortalOriginsController } from './portal-origins.controller.ts';
import { PortalOrigins } from './portal-origins.ts';

@Module({ controllers: [PortalOriginsController], providers: [PortalOrigins], exports: [PortalOrigins] })
export class PortalsModule {}
