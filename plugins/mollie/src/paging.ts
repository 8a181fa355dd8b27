/** Mollie's longest page (https://docs.mollie.com/reference/pagination). */
export const MOST_PER_PAGE = 250;

/** Where the next page begins: the `from` of its link. `undefined` on the last page. */
export function cursorIn(links: { readonly next?: { readonly href: string } | null } | null | undefined): string | undefined {
  const href = links?.next?.href;
  return href === undefined ? undefined : (new URL(href).searchParams.get('from') ?? undefined);
}
