/**
 * How long tests that start the program wait before they give up, in milliseconds. Nothing takes so long here; on a machine that is four
 * times slower, and does other things too, it takes half of it.
 */

/** For one thing to happen: a start, a death, a run that ends, a request that is sent again and again. */
export const SOON_MS = 120_000;

/** For one death or story with all that follows. */
export const STORY_MS = 300_000;
