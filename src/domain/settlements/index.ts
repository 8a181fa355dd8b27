export { Settlements } from './settlements.service.ts';
export { SettlementsModule } from './settlements.module.ts';
export { SignalledImports } from './signalled-imports.ts';
