/** Runs a handler at most once per operation and replays its answer: the protocol of `idempotency.ts`. */
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { firstValueFrom, from, type Observable } from 'rxjs';
import { isKassaflowError } from '../../kernel/errors.ts';
import { underLease } from '../lease.ts';
import { idempotencyErrors, operationOf, requestHashOf } from './idempotency.ts';
import { IdempotencyRecords, type Claim, type StoredAnswer } from './idempotency-records.ts';

@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly records: IdempotencyRecords) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    return from(this.#once(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), next));
  }

  async #once(request: FastifyRequest, reply: FastifyReply, next: CallHandler): Promise<unknown> {
    const operation = operationOf(request);
    const claim = await this.records.claim(operation, requestHashOf(request));
    switch (claim.kind) {
      case 'reused':
        throw idempotencyErrors['key-reused']();
      case 'running':
        throw idempotencyErrors.running().after(1_000);
      case 'answered':
        return replay(reply, claim.answer);
      case 'claimed':
        return this.#run(claim, reply, next);
    }
  }

  async #run(claim: Claim, reply: FastifyReply, next: CallHandler): Promise<unknown> {
    let answer: unknown;
    try {
      answer = await underLease(
        () => this.records.renew(claim),
        () => firstValueFrom(next.handle(), { defaultValue: undefined }),
      );
    } catch (error) {
      const nothingDone = isKassaflowError(error) && error.spec.status < 500 && error.spec.remedy === 'fix';
      await (nothingDone ? this.records.forget(claim) : this.records.release(claim));
      throw error;
    }
    const location = reply.getHeader('location');
    await this.records.answer(claim, {
      status: reply.statusCode,
      headers: typeof location === 'string' ? { location } : {},
      body: answer === undefined ? '' : JSON.stringify(answer),
    });
    return answer;
  }
}

function replay(reply: FastifyReply, answer: StoredAnswer): unknown {
  void reply.status(answer.status).headers({ ...answer.headers, 'idempotency-replayed': 'true' });
  if (answer.body === '') return undefined;
  void reply.type('application/json; charset=utf-8');
  return answer.body;
}
