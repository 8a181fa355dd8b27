export { adviceFor, methodClass, type DeclineAdvice, type Failure } from './decline-advice.ts';
export { canBeDueOn, debitDates, type DebitDates } from './debit-dates.ts';
export { type DeclineClass, type DeclineSource } from './decline-codes.ts';
export { readDunning, type Dunning } from './dunning-policy.ts';
export { DunningModule } from './dunning.module.ts';
export { localDay } from './quiet-hours.ts';
export { nextRepeat, type Repeat } from './retry-plan.ts';
