import type { Received, Reply } from '../../plugins/sandbox/src/provider/http-server.ts';
import { VippsProblem } from './vipps-problem.ts';
import type { VippsServer } from './vipps-server.ts';

/** What others do: the customer in the app, a bank, a person in the business portal. `reference` names a payment, an agreement or a charge. */
const ACTS: Readonly<Record<string, (vipps: VippsServer, reference: string, amount: number) => void>> = {
  approve: (vipps, reference) => (isAgreement(reference) ? vipps.recurring.accept(reference) : vipps.payments.approve(reference)),
  reject: (vipps, reference) => (isAgreement(reference) ? vipps.recurring.reject(reference) : vipps.payments.abort(reference)),
  refuse: (vipps, reference) => vipps.payments.refuse(reference),
  'begin-approval': (vipps, reference) => vipps.payments.beginApproval(reference),
  'stop-agreement': (vipps, reference) => vipps.recurring.stop(reference, 'USER'),
  'portal-capture': (vipps, reference, amount) => vipps.payments.byPortal(reference, 'capture', amount),
  'portal-refund': (vipps, reference, amount) => vipps.payments.byPortal(reference, 'refund', amount),
  'portal-cancel': (vipps, reference) => vipps.payments.byPortal(reference, 'cancel'),
  dispute: (vipps, reference) => vipps.ledger.dispute(reference, 'retained-disputed-capture'),
  'win-dispute': (vipps, reference) => vipps.ledger.dispute(reference, 'returned-disputed-capture'),
  'pay-out': (vipps, _reference, amount) => vipps.ledger.payOut(amount),
};

/** Carries out `{"do": "approve", "reference": "…", "amount": 100}`. */
export function act(vipps: VippsServer, value: unknown): object {
  const { do: what = '', reference = '', amount = 0 } = (value ?? {}) as { do?: string; reference?: string; amount?: number };
  const found = Object.hasOwn(ACTS, what) ? ACTS[what] : undefined;
  if (!found) return { error: `Do one of: ${Object.keys(ACTS).join(', ')}.` };
  try {
    found(vipps, reference, amount);
    return { done: what };
  } catch (error) {
    if (error instanceof VippsProblem) return { error: error.message };
    throw error;
  }
}

/** The page that stands for the app: approve, let the bank refuse, or say no; for a payment and for an agreement. */
export function landingPage(vipps: VippsServer, { method, path }: Received): Reply {
  const [, kind = '', token = '', button = ''] = path.split('/');
  const payment = kind === 'landing' ? vipps.payments.byToken(token) : undefined;
  const agreement = kind === 'register' ? vipps.recurring.agreementByToken(token) : undefined;
  const reference = payment?.reference ?? agreement?.id;
  if (reference === undefined) return { status: 404, headers: { 'content-type': 'text/plain' }, body: 'There is nothing to approve here.' };
  if (method === 'POST') {
    act(vipps, { do: button, reference });
    const back = button === 'refuse' ? `/${kind}/${token}` : (payment?.request['returnUrl'] ?? agreement?.request['merchantRedirectUrl']);
    const location = typeof back === 'string' ? back : `/${kind}/${token}`;
    return { status: 303, headers: { location }, body: '' };
  }
  const what = payment
    ? `${payment.amount} ${payment.currency}, ${payment.state}`
    : `${agreement?.currency ?? ''} agreement, ${agreement?.status ?? ''}`;
  const buttons = ['approve', ...(payment ? ['refuse'] : []), 'reject'].map(
    (name) => `<button formaction="/${kind}/${token}/${name}">${name}</button>`,
  );
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: `<!doctype html><html lang="en"><title>Vipps MobilePay</title><p>${what}</p><form method="post">${buttons.join(' ')}</form></html>`,
  };
}

function isAgreement(reference: string): boolean {
  return reference.startsWith('agr_');
}
