import { defineErrors } from '../kernel/errors.ts';

/** What people are told about switches and caps. What a step is told are outcomes: guard.message-cap, guard.charge-cap, guard.budget. */
export const guardErrors = defineErrors('guard', {
  'not-on': { status: 404, title: 'This switch is not on', remedy: 'fix', help: '`kassaflow switch list` shows those that are.' },
  'switch-target': {
    status: 422,
    title: 'A switch names what it stops, except the one of the whole tenant',
    remedy: 'fix',
    help: 'Write flow/<name>, connection/<name>, action/<name>, plugin/<id>, or tenant alone.',
  },
  changed: {
    status: 412,
    title: 'Somebody else has changed the guards since you read them',
    remedy: 'fix',
    help: 'Read them again, bring your change over, and send it with their new ETag.',
  },
  precondition: {
    status: 428,
    title: 'Say which version of the guards you have changed',
    remedy: 'fix',
    help: 'Send If-Match with the ETag of GET /v1/guards.',
  },
  'amount-missing': {
    status: 422,
    title: 'A budget counts money, and the action does not say how much it moves',
    remedy: 'fix',
    help: 'Give the step an amount, or let the budget count calls.',
  },
  'message-cap': {
    status: 429,
    title: 'The cap on messages is reached',
    remedy: 'fix',
    help: 'The step says which cap and when it frees. PUT /v1/guards raises it, or parks runs in place of failing them.',
  },
  'charge-cap': {
    status: 429,
    title: 'The cap on charges of an invoice, a card or a mandate is reached',
    remedy: 'fix',
    help: 'The step says which cap and when it frees. Ask the customer for another way to pay before you raise it.',
  },
  budget: { status: 429, title: 'A budget is used up', remedy: 'fix', help: 'The step says which budget and when it frees.' },
});
