import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { idOf, newId, newUuid, uuidOf, uuidv7Generator } from './ids.ts';

describe('ids', () => {
  test('the TypeID specification gives the same text for its own examples', () => {
    // typeid-spec 0.3, valid.yml
    expect(idOf('pay', '00000000-0000-0000-0000-000000000000')).toBe('pay_00000000000000000000000000');
    expect(idOf('pay', '01890a5d-ac96-774b-bcce-b302099a8057')).toBe('pay_01h455vb4pex5vsknk084sn02q');
    expect(idOf('pay', 'ffffffff-ffff-ffff-ffff-ffffffffffff')).toBe('pay_7zzzzzzzzzzzzzzzzzzzzzzzzz');
  });

  test('every uuid comes back from its id', () => {
    fc.assert(fc.property(fc.uuid(), (uuid) => expect(uuidOf('run', idOf('run', uuid))).toBe(uuid)));
  });

  test.each([
    ['of another kind', newId('inv')],
    ['without a prefix', newUuid()],
    ['too short', 'pay_01h455'],
    ['too large', 'pay_8zzzzzzzzzzzzzzzzzzzzzzzzz'],
    ['with a letter outside the alphabet', 'pay_01h455vb4pex5vsknk084sn02u'],
    ['with capitals', 'pay_01H455VB4PEX5VSKNK084SN02Q'],
    ['a number', 42],
    ['nothing', undefined],
  ])('an id %s is answered like one that does not exist', (_, id) => {
    expect(() => uuidOf('pay', id)).toThrow(expect.objectContaining({ code: 'id.format', spec: expect.objectContaining({ status: 404 }) }));
  });

  test('ids made in one process ascend, also within a millisecond and when the clock goes back', () => {
    let now = 1_795_000_000_000;
    const next = uuidv7Generator({ now: () => now, random: (bytes) => void crypto.getRandomValues(bytes) });
    const made: string[] = [];
    for (let index = 0; index < 20_000; index += 1) {
      if (index === 9_000) now -= 60_000;
      if (index % 5_000 === 4_999) now += 3;
      made.push(next());
    }
    expect(made).toEqual(made.toSorted());
    expect(new Set(made).size).toBe(made.length);
  });

  test('a uuid has the version and variant bits of RFC 9562', () => {
    for (let index = 0; index < 200; index += 1)
      expect(newUuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
