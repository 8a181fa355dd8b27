/** Every entity of the domain, for the ORM. Append-only and guarded tables have none: they are written with plain SQL. */
import { CheckoutSessionEntity, PaymentRequestEntity } from './checkout/index.ts';
import { CreditPackageEntity } from './credits/index.ts';
import { CustomerEntity } from './customers/index.ts';
import { InvoiceEntity, InvoiceLineEntity } from './invoices/index.ts';
import { OrderEntity } from './orders/index.ts';
import { DisputeEntity, MandateEntity, PaymentEntity, PaymentInvoiceEntity, RefundEntity } from './payments/index.ts';

export const domainEntities = [
  CustomerEntity,
  InvoiceEntity,
  InvoiceLineEntity,
  PaymentEntity,
  PaymentInvoiceEntity,
  RefundEntity,
  DisputeEntity,
  MandateEntity,
  OrderEntity,
  CreditPackageEntity,
  CheckoutSessionEntity,
  PaymentRequestEntity,
] as const;
