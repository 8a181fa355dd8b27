import { expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { until } from '../../../test/support/until.ts';
import { Admission } from './admission.ts';

/** Ten places, all taken. */
function full(): { admission: Admission; leave: () => void } {
  let load = 10;
  const admission = new Admission(10, () => load, systemClock);
  return {
    admission,
    leave: () => {
      load -= 1;
      admission.released();
      load += 1;
    },
  };
}

test('tenants take turns: one that sends ten at once does not stand before another that sends one', async () => {
  const { admission, leave } = full();
  const entered: string[] = [];
  const late: string[] = [];
  const waits = (tenant: string) =>
    void admission.wait(tenant).then(
      () => entered.push(tenant),
      () => late.push(tenant),
    );
  for (let n = 0; n < 9; n += 1) waits('crowd');
  waits('single');
  leave();
  leave();
  await until(
    () => entered.length === 2,
    () => 'nobody entered',
  );
  expect(entered).toEqual(['crowd', 'single']);
  await until(
    () => late.length === 8,
    () => 'those without room were not refused',
  );
});

test('a full line makes room for a tenant with fewer in it, and refuses the last of the one with most', async () => {
  const { admission } = full();
  const refused: string[] = [];
  const waits = (name: string, tenant: string) => void admission.wait(tenant).catch(() => refused.push(name));
  for (let n = 0; n < 10; n += 1) waits(`crowd ${n}`, 'crowd');
  waits('crowd 10', 'crowd');
  waits('single', 'single');
  await until(
    () => refused.length >= 2,
    () => 'nobody was refused',
  );
  expect(refused.slice(0, 2).toSorted()).toEqual(['crowd 10', 'crowd 9']);
  await until(
    () => refused.length === 12,
    () => 'those without room were not refused',
  );
});
