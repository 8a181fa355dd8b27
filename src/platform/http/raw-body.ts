/** Routes that take the body as it came: signatures are computed over bytes, never over what JSON made of them. */
import { AddRouteConfig } from './route-config.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes the body as it came; set by {@link TakesRawBody}. */
    body?: 'raw';
  }
}

/**
 * The route takes any content type and gets the untouched bytes: `receive(@Body() body: Buffer | undefined)`, without a
 * schema; `undefined` when nothing was sent. All other routes take JSON only and name a schema: `@Body({ schema })`.
 */
export function TakesRawBody(): MethodDecorator {
  return AddRouteConfig({ body: 'raw' });
}
