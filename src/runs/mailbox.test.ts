import { expect, test } from '@jest/globals';
import { Mailbox } from './mailbox.ts';

test('the end of a run takes no news of a sub-flow away that no step has recorded: the run may be retried', () => {
  const box = new Mailbox();
  box.receive({ id: '1', step: '5', kind: 'child', run: 'r', status: 'completed', message: '' });
  box.receive({ id: '2', step: '6', kind: 'answer', choice: 'approve', by: 'kim', note: '' });
  box.forgetAll();
  expect(box.take().signalsTaken).toEqual(['2']);
});

test('a wait that began again with a retry is taken back once its step is over, though the journal does not speak of it', () => {
  const box = new Mailbox([
    { kind: 'listen', step: '1', at: 0, events: ['custom.paid'], since: 0 },
    { kind: 'end', at: 1, status: 'failed' },
    { kind: 'retry', at: 2, by: 'kim' },
  ]);
  box.keepOnly(new Set());
  expect(box.take().interestsGone).toEqual(['1']);
});
