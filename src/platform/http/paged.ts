/** `@Paged()`: repeats a page's `nextCursor` as a `Link: <…>; rel="next"` header (RFC 8288), for clients that follow links. */
import { Injectable, UseInterceptors, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { tap, type Observable } from 'rxjs';

/** On every handler that returns a `Page`. */
export function Paged(): MethodDecorator {
  return UseInterceptors(NextLink);
}

@Injectable()
export class NextLink implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const { url } = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    return next.handle().pipe(
      tap((page: unknown) => {
        const cursor = typeof page === 'object' && page !== null && 'nextCursor' in page ? page.nextCursor : undefined;
        if (typeof cursor === 'string') void reply.header('link', `<${nextUrl(url, cursor)}>; rel="next"`);
      }),
    );
  }
}

function nextUrl(url: string, cursor: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const search = new URLSearchParams(query);
  search.set('cursor', cursor);
  return `${path}?${search.toString()}`;
}
