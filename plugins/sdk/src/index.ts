export {
  ok,
  declined,
  failed,
  unknown,
  type Outcome,
  type Ok,
  type Declined,
  type Failed,
  type FailureReason,
  type Unknown,
} from './outcome.ts';
export { type Effect } from './effect.ts';
export { type Field, type From, type Money, type Schema, type Text } from './schema.ts';
export { type Context, type Log } from './context.ts';
export { type Accounting, type Posted, type Posting, type PostingLine } from './accounting.ts';
export { type ActionGuards } from './guards.ts';
export { type HostedFields, type HostedFieldsPlace, type MountedFields, type MountHostedFields } from './hosted-fields.ts';
export { action, type Action, type ActionCode, type ActionSpec } from './action.ts';
export {
  type ChargeMandate,
  type CheckoutFlow,
  type CreatedMandate,
  type CreatedPayment,
  type CreateMandate,
  type CreatePayment,
  DECLINE_REASONS,
  type DeclineReason,
  type DisputeFacts,
  type MandateFacts,
  type Mandates,
  type NextStep,
  type PaymentFacts,
  type PaymentFailure,
  type PaymentMethod,
  type PaymentProvider,
  type ProviderTraits,
  type RefundFacts,
  type RefundResult,
  type SettlementLine,
  type SettlementPage,
} from './payments.ts';
export { TokenKeeper, type AccessToken } from './token-keeper.ts';
export { trigger, type PollCode, type Polled, type ReadCode, type Trigger, type TriggerItem, type TriggerSpec } from './trigger.ts';
export { type ProviderSignal, type RawWebhook, type RefusalReason, type RegisteredWebhook, type Verdict, type Webhook } from './webhook.ts';
export { definePlugin, isPlugin, type CheckResult, type Plugin } from './plugin.ts';
export { minorOf } from './money.ts';
export { emailSend, smsSend } from './messages.ts';
