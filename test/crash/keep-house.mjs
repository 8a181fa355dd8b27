/**
 * Does what is due with runs, in a process that may be killed: the moment is KEEP_HOUSE_NOW, the database KEEP_HOUSE_DATABASE (JSON).
 * The built code; the command `kassaflow housekeeping run` keeps house by the clock of the database, and nothing in a test is 90 days old.
 */
import { OwnerSession } from '../../dist/platform/housekeeping/owner-session.js';
import { runRetention } from '../../dist/runs/retention/run-retention.js';

const session = await OwnerSession.open(JSON.parse(process.env.KEEP_HOUSE_DATABASE));
for (const chore of await runRetention(90).plan(session, new Date(process.env.KEEP_HOUSE_NOW))) await chore.do(session);
await session.close();
