/** The application of the domain's tests on a port, and a browser before it. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { domainApp, type DomainApp } from '../support/domain-app.ts';
import { Chromium } from './chromium.ts';

export interface ServedApp {
  readonly http: DomainApp;
  readonly browser: Chromium;
  readonly origin: string;
  close(): Promise<void>;
}

export async function servedApp(): Promise<ServedApp> {
  const http = await domainApp();
  await http.app.listen(0, '127.0.0.1');
  const { port } = (http.app.getHttpServer() as Server).address() as AddressInfo; // it listens on a port
  const browser = await Chromium.start();
  const close = async (): Promise<void> => {
    await browser.close();
    await http.close();
  };
  return { http, browser, origin: `http://127.0.0.1:${port}`, close };
}
