/**
 * The end of the HTTP side: readiness turns to stopping and event streams end (each by its own shutdown hook), then Nest
 * closes the server, which waits for requests under way; after ten seconds their connections are cut, because a supervisor
 * would kill the whole process soon after.
 */
import { Server } from 'node:http';
import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

const GRACE_MS = 10_000;
/** Node closes the connections that are idle when the stop begins, but not one whose last request ends after it. */
const SWEEP_MS = 50;

@Injectable()
export class GracefulStop implements BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #log = new Logger('http');
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(private readonly host: HttpAdapterHost) {}

  beforeApplicationShutdown(): void {
    const server: unknown = this.host.httpAdapter?.getHttpServer();
    if (!(server instanceof Server)) return;
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
    const cut = setTimeout(() => {
      this.#log.warn(`requests were still under way after ${GRACE_MS} ms; their connections are cut`);
      server.closeAllConnections();
    }, GRACE_MS);
    this.#timers.push(sweep.unref(), cut.unref());
  }

  onApplicationShutdown(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
