/** Milliseconds since 1970 at which a UUIDv7 was made. */
export function timeOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}
