import { declined, failed, unknown, type Outcome } from '@kassaflow/plugin-sdk';

/** An error as nodemailer throws it. */
interface MailError {
  readonly code?: string;
  /** The system's own code, where `code` only says that the socket broke. */
  readonly originalCode?: string;
  readonly responseCode?: number;
  readonly syscall?: string;
  readonly message: string;
}

/** Certificates that are not to be trusted: a person has to look, so the connection pauses. */
const CERTIFICATES = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);
/** The connection was never made. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EDNS', 'EHOSTUNREACH', 'ENETUNREACH']);
/** What nodemailer says when the server's first words did not come in time: nothing was sent yet either. */
const NEVER_GREETED = /^(Connection timeout|Greeting never received)/;

/**
 * What an SMTP error means for a step. The server's own three digits decide where there are any: 4xx is "not now", 5xx is
 * "never". Without them the connection broke, and only a break before the first command proves that nothing was sent.
 */
export function outcomeOf(error: unknown): Outcome<never> {
  if (!isMailError(error)) return unknown('The mail library broke off without an answer.');
  const { responseCode, message } = error;
  const code = error.originalCode ?? error.code;
  const named = responseCode === undefined ? (code === undefined ? {} : { code }) : { code: String(responseCode) };
  if (code !== undefined && CERTIFICATES.has(code))
    return failed('auth', 'The mail server’s certificate is not trusted.', { code, field: 'host' });
  if (code === 'ETLS')
    return failed('auth', 'The mail server offers no encryption; choose another port or encryption.', { code, field: 'security' });
  if (code === 'EAUTH') return outcomeOfLogin(responseCode, named);
  if (responseCode !== undefined) return outcomeOfAnswer(responseCode, code === 'EENVELOPE', named);
  if ((code !== undefined && NEVER_SENT.has(code)) || error.syscall === 'connect' || NEVER_GREETED.test(message)) {
    return failed('temporary', 'The mail server cannot be reached.', named);
  }
  return unknown('The connection to the mail server broke, and the mail may have been taken.');
}

/** A busy server says 4xx at the login too, and that is not the password's fault. */
function outcomeOfLogin(responseCode: number | undefined, named: { readonly code?: string }): Outcome<never> {
  if (responseCode !== undefined && responseCode < 500) return failed('temporary', 'The mail server accepts no logins just now.', named);
  return failed('auth', 'The mail server refuses this user name and password.', { ...named, field: 'password' });
}

function outcomeOfAnswer(responseCode: number, isEnvelope: boolean, named: { readonly code?: string }): Outcome<never> {
  if (responseCode === 421 || responseCode === 450 || responseCode === 451)
    return failed('temporary', `The mail server asks to try again later (${responseCode}).`, named);
  if (responseCode < 500) return failed('temporary', `The mail server does not take the mail now (${responseCode}).`, named);
  if (responseCode === 530) return failed('auth', 'The mail server wants a login first.', { ...named, field: 'username' });
  // The recipient's server said that there is no such mailbox, or that it wants no mail: a flow may take another way.
  if (isEnvelope) return declined('undeliverable', `The recipient’s address was refused (${responseCode}).`);
  return failed('permanent', `The mail server refused the mail (${responseCode}).`, named);
}

function isMailError(error: unknown): error is MailError {
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string';
}
