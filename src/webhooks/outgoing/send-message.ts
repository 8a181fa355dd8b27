import { Inject, Injectable } from '@nestjs/common';
import { type Clock } from '../../kernel/clock.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { CLOCK } from '../../platform/clock.ts';
import { parseAddress } from '../../plugin-host/egress/egress-rules.ts';
import type { HttpResult } from '../../plugin-host/egress/http-client.ts';
import { PluginHost } from '../../plugin-host/plugin-host.ts';
import type { Message } from './message.ts';
import { retryAfterMs } from './retry-schedule.ts';

/** What a portal made of one message. */
export interface SendResult {
  readonly kind: 'delivered' | 'failed' | 'gone' | 'interrupted';
  readonly status: number | null;
  /** Why it was not taken. */
  readonly problem: string | null;
  readonly tookMs: number;
  /** What the portal asked us to wait. */
  readonly waitMs: number;
}

/** The specification asks for 15 to 30 seconds. */
const DEADLINE_MS = 15_000;

/** Sends one message through the egress rules, as plugins are sent through them. Redirects are not followed and count as refusals. */
@Injectable()
export class SendMessage {
  constructor(
    private readonly host: PluginHost,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Never rejects. `signal` gives it up, and says so. */
  async send(address: string, { body, headers }: Message, signal: AbortSignal): Promise<SendResult> {
    const { rules, client } = this.host.egress;
    const began = this.clock.elapsed();
    const took = () => Math.round(this.clock.elapsed() - began);
    try {
      const url = parseAddress(address);
      // The rules are asked each time: what an operator allows may have changed since the endpoint was made.
      const destination = rules.destinationOf(url);
      const answer = await client.send({
        destination,
        method: 'POST',
        path: url.pathname + url.search,
        headers: [...headers],
        body,
        timeoutMs: DEADLINE_MS,
        deadlineMs: DEADLINE_MS,
        signal,
      });
      return { ...resultOf(answer, signal, this.clock.now()), tookMs: took() };
    } catch (error) {
      return {
        kind: 'failed',
        status: null,
        problem: isKassaflowError(error) ? error.message : 'it could not be sent',
        tookMs: took(),
        waitMs: 0,
      };
    }
  }
}

function resultOf(answer: HttpResult, signal: AbortSignal, now: Date): Omit<SendResult, 'tookMs'> {
  if (answer.kind === 'broken') {
    if (signal.aborted) return { kind: 'interrupted', status: null, problem: null, waitMs: 0 };
    return { kind: 'failed', status: null, problem: PROBLEMS[answer.reason], waitMs: 0 };
  }
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered', status, problem: null, waitMs: 0 };
  if (status === 410)
    return { kind: 'gone', status, problem: 'The portal answered 410: there is nobody at this address any more', waitMs: 0 };
  return { kind: 'failed', status, problem: `The portal answered ${status}`, waitMs: retryAfterMs(headers['retry-after'], now) };
}

const PROBLEMS: Readonly<Record<Extract<HttpResult, { kind: 'broken' }>['reason'], string>> = {
  refused: 'The address is not on the public internet',
  unreachable: 'The portal cannot be reached',
  timeout: 'The portal did not answer in time',
  // Ours is the only deadline that ends an exchange.
  aborted: 'The portal did not answer in time',
  reset: 'The connection to the portal broke',
  'too-large': 'The answer of the portal is larger than 5 MiB',
  'kept-back': 'It was not sent',
};
