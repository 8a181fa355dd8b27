/** Shortens personal data for logs and operators' lists: enough to recognise what one knows, not enough to learn it. */

/** `+31•••••678`: the country code as far as three characters tell, and the last three digits. */
export function maskPhone(phone: string): string {
  const bare = phone.replaceAll(/[^+0-9]/g, '');
  return bare.length < 8 ? '•••' : `${bare.slice(0, 3)}${'•'.repeat(bare.length - 6)}${bare.slice(-3)}`;
}

/** `a•••@example.com`: the first letter and the domain. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return at < 1 ? '•••' : `${email.slice(0, 1)}•••${email.slice(at)}`;
}
