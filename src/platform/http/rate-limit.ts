/**
 * A limit on requests per minute, generous: it stops loops and guessing, not customers.
 *
 * Counted per API key when the key is one that this process has let in of late, else per address, an IPv6 network (/64)
 * counting as one address. So a stranger who invents keys stays one address.
 */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { requestErrors } from './request-errors.ts';
import { AddRouteConfig } from './route-config.ts';

/**
 * The route limits itself: `/v1/events` refuses with 429 when the engine has too much under way, which is both exacter and
 * cheaper than counting.
 */
export function LimitsItself(): MethodDecorator {
  return AddRouteConfig({ rateLimit: false });
}

export interface RateLimit {
  readonly perMinute: number;
  /** Gives the key's id when the request's credential is known to be good, without asking anybody. */
  readonly knownKey: (request: FastifyRequest) => string | undefined;
}

/** Must be registered before the routes are. */
export async function limitRate(fastify: FastifyInstance, { perMinute, knownKey }: RateLimit): Promise<void> {
  await fastify.register(rateLimit, {
    global: true,
    max: perMinute,
    timeWindow: 60_000,
    cache: 20_000,
    enableDraftSpec: true,
    keyGenerator: (request) => knownKey(request) ?? networkOf(request.ip),
    errorResponseBuilder: (_request, { ttl }) => requestErrors['rate-limited']({ perMinute }).after(ttl),
  });
}

/** The address, for IPv6 the network that one household or server has. */
export function networkOf(ip: string): string {
  if (!ip.includes(':') || ip.includes('.')) return ip;
  const [head = '', tail = ''] = ip.split('::', 2);
  const left = head.split(':').filter((part) => part !== '');
  const right = tail.split(':').filter((part) => part !== '');
  const gap = ip.includes('::') ? Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0') : [];
  return `${[...left, ...gap, ...right]
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
