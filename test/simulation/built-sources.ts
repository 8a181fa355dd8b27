/** Lets Node run the simulation over what `npm run build` made: an import of `src/….ts` is one of `dist/….js`. */
import { registerHooks } from 'node:module';

const ROOT = new URL('../../', import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    if (!resolved.url.startsWith(`${ROOT}src/`)) return resolved;
    return nextResolve(`${ROOT}dist/${resolved.url.slice(ROOT.length + 4).replace(/\.ts$/, '.js')}`, context);
  },
});
