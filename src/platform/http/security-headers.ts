/** Headers that tell browsers to do nothing with an answer of this API but read it. */
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** The strictest policy: an answer of the API is data. A route that serves a page replaces the header with its own. */
const POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The policy is written here and not by helmet, which puts it together anew for every request, and the headers that
 * mean something to old browsers only are left out: 3 of the 110 µs that an event costs here.
 */
export async function addSecurityHeaders(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onRequest', (_request, reply, done) => {
    void reply.header('content-security-policy', POLICY);
    done();
  });
  await fastify.register(helmet, {
    global: true,
    contentSecurityPolicy: false,
    strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: true },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
}
