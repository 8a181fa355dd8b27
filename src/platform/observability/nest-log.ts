import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** Parts of Nest that list every module and route at each start: 150 lines that `/docs` says better. */
const STARTING_UP: ReadonlySet<unknown> = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);

/** Nest's own lines in our log: what it says while it starts goes to debug. For `app.useLogger`. */
@Injectable()
export class NestLog extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (STARTING_UP.has(rest.at(-1))) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}
