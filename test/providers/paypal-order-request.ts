import { fieldsOf, invalid, textOf, unitsOf, type Order, type WireMoney } from './paypal-objects.ts';

/** What an order is asked to be. */
type Asked = Pick<
  Order,
  'intent' | 'referenceId' | 'customId' | 'invoiceId' | 'description' | 'amount' | 'returnUrl' | 'cancelUrl' | 'saves' | 'vaultId'
>;

/** Reads the body of `POST /v2/checkout/orders`, as strictly as PayPal does. */
export function readOrder(body: unknown): Asked {
  const { intent, purchase_units: units, payment_source: source } = fieldsOf(body, ['intent', 'purchase_units', 'payment_source'], '');
  if (intent !== 'CAPTURE' && intent !== 'AUTHORIZE') throw invalid('INVALID_PARAMETER_VALUE', '/intent');
  if (!Array.isArray(units) || units.length !== 1) throw invalid('INVALID_ARRAY_MAX_ITEMS', '/purchase_units');
  const at = '/purchase_units/0';
  const unit = fieldsOf(units[0], ['reference_id', 'custom_id', 'invoice_id', 'description', 'soft_descriptor', 'amount'], at);
  unitsOf(unit['amount'], `${at}/amount`);
  return {
    intent,
    referenceId: textOf(unit['reference_id'] ?? 'default', `${at}/reference_id`, 256),
    customId: textOf(unit['custom_id'], `${at}/custom_id`, 127),
    invoiceId: textOf(unit['invoice_id'], `${at}/invoice_id`, 127),
    description: textOf(unit['description'], `${at}/description`, 127),
    amount: unit['amount'] as WireMoney, // unitsOf has read it
    ...walletOf(source),
  };
}

/** PayPal's wallet is the only way of paying here, with the fields that it takes. */
function walletOf(source: unknown): Pick<Order, 'returnUrl' | 'cancelUrl' | 'saves' | 'vaultId'> {
  const at = '/payment_source/paypal';
  const wallet = fieldsOf(
    fieldsOf(source, ['paypal'], '/payment_source')['paypal'],
    ['email_address', 'experience_context', 'attributes', 'vault_id', 'stored_credential'],
    at,
  );
  const page = fieldsOf(
    wallet['experience_context'],
    ['return_url', 'cancel_url', 'user_action', 'payment_method_preference', 'shipping_preference', 'locale', 'brand_name', 'landing_page'],
    `${at}/experience_context`,
  );
  const { locale } = page;
  if (locale !== undefined && !(typeof locale === 'string' && /^[a-z]{2}(-[A-Z]{2})?$/.test(locale)))
    throw invalid('INVALID_PARAMETER_SYNTAX', `${at}/experience_context/locale`);
  const attributes = wallet['attributes'] === undefined ? {} : fieldsOf(wallet['attributes'], ['vault', 'customer'], `${at}/attributes`);
  const vault =
    attributes['vault'] === undefined
      ? undefined
      : fieldsOf(attributes['vault'], ['store_in_vault', 'usage_type', 'usage_pattern'], `${at}/attributes/vault`);
  if (vault && vault['usage_type'] !== 'MERCHANT') throw invalid('MISSING_REQUIRED_PARAMETER', `${at}/attributes/vault/usage_type`);
  const vaultId = wallet['vault_id'] === undefined ? undefined : textOf(wallet['vault_id'], `${at}/vault_id`, 255);
  if (
    vaultId !== undefined &&
    fieldsOf(wallet['stored_credential'], ['payment_initiator', 'usage', 'usage_pattern'], `${at}/stored_credential`)[
      'payment_initiator'
    ] !== 'MERCHANT'
  )
    throw invalid('INVALID_PARAMETER_VALUE', `${at}/stored_credential/payment_initiator`);
  return {
    returnUrl: textOf(page['return_url'], `${at}/experience_context/return_url`, 4_000),
    cancelUrl: textOf(page['cancel_url'], `${at}/experience_context/cancel_url`, 4_000),
    saves: vault?.['store_in_vault'] === 'ON_SUCCESS',
    vaultId,
  };
}
