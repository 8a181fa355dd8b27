import { coinSubject } from '../../coin/test/conformance.ts';
import generous from '../plugin.ts';

export const subject = coinSubject(generous, 'wrong/refund-cut-down.ts');
