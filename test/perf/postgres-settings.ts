/**
 * PostgreSQL for every contestant that uses one: durable as by default, with room for a benchmark's write-ahead log so
 * that no forced checkpoint falls into a measurement.
 */
export const POSTGRES_SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  max_connections: '100',
} as const;
