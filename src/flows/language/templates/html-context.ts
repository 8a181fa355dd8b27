/** Where in HTML a value stands, from the text before it. Escaping protects text and quoted attributes, and nothing else. */

/** `address`: inside the quotes of an attribute that holds an address. `script`: inside a script, a style or a comment. */
export type HtmlContext = 'text' | 'quoted' | 'unquoted' | 'address' | 'script';

/** @param before the HTML up to the value; values before it are still `{{ }}` */
export function contextAt(before: string): HtmlContext {
  const html = before.replace(/\{\{[^}]*\}\}/g, 'x').toLowerCase();
  if (
    Math.max(html.lastIndexOf('<script'), html.lastIndexOf('<style'), html.lastIndexOf('<!--')) >
    Math.max(html.lastIndexOf('</script'), html.lastIndexOf('</style'), html.lastIndexOf('-->'))
  )
    return 'script';
  const tag = html.slice(html.lastIndexOf('<'));
  if (!html.includes('<') || tagIsClosed(tag)) return 'text';
  const attribute = /([a-z-]+)\s*=\s*(["'])?([^"'=]*)$/.exec(tag);
  if (!attribute) return 'unquoted';
  if (attribute[2] === undefined) return 'unquoted';
  return ['href', 'src', 'action', 'formaction', 'background', 'poster', 'srcset', 'style'].includes(attribute[1] ?? '') ||
    (attribute[1] ?? '').startsWith('on')
    ? 'address'
    : 'quoted';
}

function tagIsClosed(tag: string): boolean {
  return tag.replace(/"[^"]*"|'[^']*'/g, '').includes('>');
}
