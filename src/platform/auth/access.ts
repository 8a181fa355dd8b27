/**
 * Who may use a route. Every handler declares it with exactly one of the two; the application refuses to start when one
 * does not, so a forgotten decorator is found by the first test that boots and never by a visitor.
 */
import { applyDecorators, SetMetadata, type CustomDecorator } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import type { Scope } from './scopes.ts';

/** What a route declares about its callers. */
export type Access = { readonly kind: 'public' } | { readonly kind: 'scope'; readonly scope: Scope };

/** Metadata key of {@link Access}. */
export const ACCESS = 'kassaflow:access';

/** The route (or every route of the class) needs an API key that holds `scope`. */
export function Requires(scope: Scope): ClassDecorator & MethodDecorator {
  return applyDecorators(SetMetadata(ACCESS, { kind: 'scope', scope } satisfies Access), ApiBearerAuth());
}

/** Anybody may use the route: health, documentation, pages for payers, webhooks (which prove themselves by signature). */
export function Public(): CustomDecorator {
  return SetMetadata(ACCESS, { kind: 'public' } satisfies Access);
}
