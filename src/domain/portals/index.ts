export { listedOrigins, PortalOrigins } from './portal-origins.ts';
export { PortalsModule } from './portals.module.ts';
export { judgeReturnAddress, type PortalMode } from './return-address.ts';
