/** Who is calling, for the provider's support; at most 30 characters each (https://developer.vippsmobilepay.com/docs/knowledge-base/http-headers/). */
export const VERSION = '0.1.0';

export const SYSTEM_HEADERS: Readonly<Record<string, string>> = {
  'Vipps-System-Name': 'kassaflow',
  'Vipps-System-Version': VERSION,
  'Vipps-System-Plugin-Name': 'kassaflow-vipps-mobilepay',
  'Vipps-System-Plugin-Version': VERSION,
};
