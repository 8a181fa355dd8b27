import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { coinSubject } from '../../coin/test/conformance.ts';
import endless from '../plugin.ts';

export const subject = { ...coinSubject(endless), folder: path.join(path.dirname(fileURLToPath(import.meta.url)), '..') };
