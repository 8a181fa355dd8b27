export { listedOrigins, mayLeadTo, PortalOrigins } from './portal-origins.ts';
export { PortalsModule } from './portals.module.ts';
export { readReturnAddress, type PortalMode } from './return-address.ts';
