export { ConnectionsModule } from './connections.module.ts';
