import type { FastifyReply } from 'fastify';
import type { RenderedPage } from './page-shell.ts';

/** Sends a page with its policy; nobody keeps a copy of it. */
export async function sendPage(reply: FastifyReply, { html, policy }: RenderedPage): Promise<void> {
  await reply.header('content-security-policy', policy).header('cache-control', 'no-store').type('text/html; charset=utf-8').send(html);
}
