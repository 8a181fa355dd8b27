export { Settlements } from './settlements.service.ts';
export { SettlementsModule } from './settlements.module.ts';
