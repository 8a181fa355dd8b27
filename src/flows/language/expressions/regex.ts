/** `matches` on RE2, which cannot be made to run forever: the JavaScript engine took 82 s for `^(a+)+$` on 31 characters. */
import { RE2JS } from 're2js';
import { expressionErrors } from './errors.ts';

const LONGEST_PATTERN = 256;
const KEPT = 200;
const patterns = new Map<string, RE2JS>();

/** Tells whether `pattern` occurs in `text`. @throws expression.regex */
export function matches(text: string, pattern: string): boolean {
  return compiledPattern(pattern).matcher(text).find();
}

/** @throws expression.regex when RE2 has no such pattern */
export function compiledPattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known) return known;
  if (pattern.length > LONGEST_PATTERN) throw expressionErrors.regex({ limit: `${LONGEST_PATTERN} characters` });
  try {
    const compiled = RE2JS.compile(pattern);
    if (patterns.size >= KEPT) patterns.clear();
    patterns.set(pattern, compiled);
    return compiled;
  } catch (cause) {
    throw expressionErrors.regex({ found: pattern.slice(0, 60) }, { cause });
  }
}
