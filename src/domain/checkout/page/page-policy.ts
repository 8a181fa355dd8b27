/** The Content-Security-Policy of a payment page: exactly what this page shows. */
import { createHash } from 'node:crypto';
import type { PageChoice } from './page-view.ts';

export interface PolicyParts {
  readonly test: boolean;
  /** The texts of the page's own scripts. */
  readonly scripts: readonly string[];
  readonly style: string;
  readonly choices: readonly PageChoice[];
}

/**
 * Our scripts and style by their hashes; of the providers whose fields the page can show, what their plugins name; of images, the hosts
 * that they come from. A form leads to the page itself, and from there to a provider's page, whose host nobody can know before.
 */
export function pagePolicy({ test, scripts, style, choices }: PolicyParts): string {
  const fields = choices.flatMap(({ hostedFields }) => hostedFields ?? []);
  const images = choices.flatMap(({ imageUrl }) => originOf(imageUrl));
  const ofProviders = fields.flatMap((each) => each.scripts.flatMap(originOf));
  return [
    "default-src 'none'",
    directive('script-src', [...scripts.map(digest), ...ofProviders]),
    directive('style-src', [digest(style)]),
    directive('img-src', images),
    directive(
      'frame-src',
      fields.flatMap(({ frames }) => frames),
    ),
    directive('connect-src', ["'self'", ...fields.flatMap(({ connects = [] }) => connects)]),
    directive('form-action', ["'self'", 'https:', ...(test ? ['http://localhost:*', 'http://127.0.0.1:*'] : [])]),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function directive(name: string, sources: readonly string[]): string {
  return `${name} ${sources.length === 0 ? "'none'" : [...new Set(sources)].join(' ')}`;
}

function digest(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function originOf(address: string | undefined): string[] {
  const url = address === undefined ? null : URL.parse(address);
  return url ? [url.origin] : [];
}
