/** The name of the one database inside our own PostgreSQL. */
export const EMBEDDED_DATABASE = 'kassaflow';
