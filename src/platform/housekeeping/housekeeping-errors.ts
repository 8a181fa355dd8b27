import { defineErrors } from '../../kernel/errors.ts';

export const housekeepingErrors = defineErrors('housekeeping', {
  'tables-busy': {
    status: 503,
    title: 'The tables are in use by something that takes long',
    remedy: 'retry',
    help: 'Look in pg_stat_activity for a report or a dump that has been open for minutes. Housekeeping tries again by itself.',
  },
  'clocks-differ': {
    status: 503,
    title: 'The clock of this machine and the clock of the database differ by more than an hour, so nothing is dropped',
    remedy: 'retry',
    help: 'Set both clocks by a time server (NTP).',
  },
});
