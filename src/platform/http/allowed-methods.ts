/** Which methods an address takes, to answer 405 with `Allow` instead of a 404 that sends people looking for a typo. */
import { Injectable } from '@nestjs/common';

interface Route {
  readonly pattern: RegExp;
  readonly methods: readonly string[];
}

@Injectable()
export class AllowedMethods {
  readonly #routes: Route[] = [];

  /** Learns one route, in Fastify's notation: `/v1/payments/:id`, `/sandbox/*`. */
  learn(url: string, methods: readonly string[]): void {
    const source = url
      .replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/:\w+/g, '[^/]+')
      .replaceAll('*', '.*');
    this.#routes.push({ pattern: new RegExp(`^${source}$`), methods });
  }

  /** The methods of the address, sorted; empty when there is nothing. */
  of(url: string): string[] {
    const path = url.split('?', 1)[0] ?? '';
    const methods = this.#routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
    return [...new Set(methods)].toSorted();
  }
}
