import { expect, test } from '@jest/globals';
import { ok } from '@kassaflow/plugin-sdk';
import { uuidOf } from '../../kernel/ids.ts';
import { domainWorld } from '../../../test/support/domain.ts';
import { aLine, settledWorld } from '../../../test/support/settled.ts';

const DAY = '2026-11-20';

test('money that was disputed and won, and then taken back without a dispute, is known line by line: nothing of it is suspense', async () => {
  const world = await domainWorld();
  try {
    world.clock.advance(86_400_000);
    const settled = settledWorld(world);
    const { payment } = await world.pay(await world.anInvoice('20.00'));
    const won = { providerId: 'dispute', state: 'won' as const, amount: 2_000 };
    world.provider.report(payment.providerId, { authorized: 2_000, captured: 2_000, chargedBack: 2_000, disputes: [won] });
    await world.payments.refresh(world.db.tenantId, uuidOf('pay', payment.id));
    const shared = { payment: payment.providerId };
    const at = (hour: number) => ({ bookedAt: Date.parse(`${DAY}T0${hour}:00:00Z`) });
    const lines = [
      aLine({ providerId: 'paid', kind: 'payment', gross: '20.00', ...shared, ...at(1) }),
      aLine({ providerId: 'disputed', kind: 'chargeback', gross: '-20.00', ...shared, ...at(2) }),
      aLine({ providerId: 'won', kind: 'chargeback-reversal', gross: '20.00', ...shared, ...at(3) }),
      aLine({ providerId: 'reversed', kind: 'chargeback', gross: '-20.00', ...shared, ...at(4) }),
    ];
    world.provider.settled = () => ok({ lines });
    await settled.importDays(DAY);
    expect(await world.balances()).toEqual({ 'income:sales': 2_000, 'asset:receivable': 2_000 });
    expect(await settled.events()).toEqual([]);
  } finally {
    await world.db.close();
  }
});
