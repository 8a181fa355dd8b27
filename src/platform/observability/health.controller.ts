/** What load balancers, supervisors and Prometheus ask. */
import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../auth/access.ts';
import { requestErrors } from '../http/request-errors.ts';
import { isLoopback } from './loopback.ts';
import { Metrics } from './metrics.ts';
import { Readiness, type ReadinessReport } from './readiness.ts';

@ApiExcludeController()
@Public()
@Controller()
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly metrics: Metrics,
  ) {}

  /** The process runs and its event loop turns. Never depends on anything else: restarting does not mend a database. */
  @Get('health/live')
  live(): { status: string } {
    return { status: 'live' };
  }

  /** 200 while this process should get requests, else 503. */
  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadinessReport> {
    const report = await this.readiness.report();
    if (!report.ready) void reply.status(503);
    return report;
  }

  /** For callers on this machine only; others use the port of KASSAFLOW_METRICS_PORT. */
  @Get('metrics')
  async read(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    if (!isLoopback(request.socket.remoteAddress)) throw requestErrors['not-found']();
    void reply.type(this.metrics.contentType);
    return this.metrics.text();
  }
}
