import { paymentErrors } from './payment.errors.ts';

/** Customers are sent back to https, or in test mode to a server on the developer's own machine. @throws payment.return-url */
export function checkReturnUrls(addresses: readonly (string | undefined)[], mode: 'test' | 'live'): void {
  for (const address of addresses) {
    if (address === undefined) continue;
    const url = URL.parse(address);
    const isLoopback = url !== null && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
    const isSafe = url?.protocol === 'https:' || (mode === 'test' && isLoopback && url.protocol === 'http:');
    if (!isSafe || url.username !== '' || url.password !== '') throw paymentErrors['return-url']({ field: 'returnUrl' });
  }
}
