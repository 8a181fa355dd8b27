import { expect, test } from '@jest/globals';
import { Mailbox } from './mailbox.ts';

test('the end of a run takes no news of a sub-flow away that no step has recorded: the run may be retried', () => {
  const box = new Mailbox();
  box.receive({ id: '1', step: '5', kind: 'child', run: 'r', status: 'completed', message: '' });
  box.receive({ id: '2', step: '6', kind: 'answer', choice: 'approve', by: 'kim', note: '' });
  box.forgetAll();
  expect(box.take().signalsTaken).toEqual(['2']);
});
