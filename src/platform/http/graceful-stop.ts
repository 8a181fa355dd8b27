/**
 * The end of the HTTP side: readiness turns to stopping and event streams end (each by its own shutdown hook), then Nest
 * closes the server, which waits for requests under way; after ten seconds their connections are cut, because a supervisor
 * would kill the whole process soon after.
 */
import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

const GRACE_MS = 10_000;

@Injectable()
export class GracefulStop implements BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #log = new Logger('http');
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly host: HttpAdapterHost) {}

  beforeApplicationShutdown(): void {
    const server: unknown = this.host.httpAdapter?.getHttpServer();
    this.#timer = setTimeout(() => {
      this.#log.warn(`requests were still under way after ${GRACE_MS} ms; their connections are cut`);
      if (hasConnections(server)) server.closeAllConnections();
    }, GRACE_MS);
    this.#timer.unref();
  }

  onApplicationShutdown(): void {
    clearTimeout(this.#timer);
  }
}

function hasConnections(server: unknown): server is { closeAllConnections(): void } {
  return typeof server === 'object' && server !== null && 'closeAllConnections' in server;
}
