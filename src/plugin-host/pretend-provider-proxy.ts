/**
 * Leads `/sandbox/*` (the path of a pretend provider) on our own address to that provider's server, byte for byte, so that
 * people reach its pages without another port. Registered on Fastify itself: it needs the raw streams, and no key.
 */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FastifyInstance, RouteShorthandOptionsWithHandler } from 'fastify';
import type { PluginHost } from './plugin-host.ts';

/** Call before the application listens. Does nothing when no pretend provider runs. */
export function routePretendProviders(fastify: FastifyInstance, host: Pick<PluginHost, 'pretendProviders'>): void {
  for (const provider of host.pretendProviders) {
    void fastify.register((scope, _options, done) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null)); // the body stays in the raw stream
      // `raw`: the door leaves the body and its type alone, forms included.
      const route: RouteShorthandOptionsWithHandler = {
        config: { body: 'raw' },
        handler: (request, reply) => {
          reply.hijack();
          forward(request.raw, reply.raw, provider.origin);
        },
      };
      for (const path of [provider.path, `${provider.path}/*`]) scope.all(path, route);
      done();
    });
  }
}

function forward(request: IncomingMessage, response: ServerResponse, origin: string | undefined): void {
  const unavailable = (): void => {
    if (!response.headersSent) response.writeHead(502, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('The pretend provider does not answer; it is being started again.');
  };
  if (origin === undefined) return unavailable();
  const upstream = httpRequest(
    origin + (request.url ?? '/'),
    { method: request.method, headers: request.headers, setHost: false },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    },
  );
  upstream.on('error', unavailable);
  response.on('close', () => upstream.destroy());
  request.pipe(upstream);
}
