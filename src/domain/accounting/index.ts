export { AccountingModule } from './accounting.module.ts';
export { AccountingPostings } from './accounting.service.ts';
