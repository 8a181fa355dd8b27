/** The sandbox takes no longer description. */
const DESCRIPTION_LENGTH = 500;

/** Never cut in the middle of a character that takes two places, and never empty. */
export function descriptionOf(description: string, reference: string): string {
  return description.slice(0, DESCRIPTION_LENGTH).replace(/[\uD800-\uDBFF]$/, '') || reference;
}
