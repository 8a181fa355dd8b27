/**
 * The tenant of a transaction that has none yet: the nil UUID, which row security matches with no row. Only the functions
 * `find_…` of the database, which look up a credential or a name, give anything to such a transaction.
 */
export const NO_TENANT = '00000000-0000-0000-0000-000000000000';
