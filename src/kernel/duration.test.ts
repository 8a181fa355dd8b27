import { describe, expect, test } from '@jest/globals';
import { after, atClockTime, exactMs, isTimeZone, parseDuration } from './duration.ts';

const AMSTERDAM = 'Europe/Amsterdam';
const at = (text: string) => new Date(text);

describe('a duration', () => {
  test.each([
    ['30s', 30_000],
    ['30 sec', 30_000],
    ['5min', 300_000],
    ['12h', 43_200_000],
    ['2 hours', 7_200_000],
  ])('%s is exact', (text, ms) => expect(exactMs(parseDuration(text))).toBe(ms));

  test.each(['3d', '2w', '2 working-days', '1 day'])('%s needs a calendar', (text) => expect(exactMs(parseDuration(text))).toBeUndefined());

  test.each(['', '5', '-5min', '1 month', 'P1Y2M', '3 dayz', '0d', '1.5h', ' 5min', '5  min', '5m'])('%p is refused', (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'duration.format' }));
  });

  test('a hundred years are refused', () => {
    expect(() => parseDuration('5300w')).toThrow(expect.objectContaining({ code: 'duration.range' }));
  });
});

describe('days and weeks keep the clock time', () => {
  test('over the start of summer time a day has 23 hours', () => {
    expect(after(at('2026-03-28T09:00:00Z'), parseDuration('1d'), AMSTERDAM)).toEqual(at('2026-03-29T08:00:00Z'));
  });

  test('over the end of summer time a day has 25 hours', () => {
    expect(after(at('2026-10-24T08:00:00Z'), parseDuration('1d'), AMSTERDAM)).toEqual(at('2026-10-25T09:00:00Z'));
  });

  test('24 hours stay 24 hours', () => {
    expect(after(at('2026-03-28T09:00:00Z'), parseDuration('24h'), AMSTERDAM)).toEqual(at('2026-03-29T09:00:00Z'));
  });

  test('a clock time in the gap of spring becomes the next that exists', () => {
    expect(after(at('2026-03-28T01:30:00Z'), parseDuration('1d'), AMSTERDAM)).toEqual(at('2026-03-29T01:00:00Z'));
  });

  test('a clock time that exists twice in autumn is the first of the two', () => {
    expect(after(at('2026-10-24T00:30:00Z'), parseDuration('1d'), AMSTERDAM)).toEqual(at('2026-10-25T00:30:00Z'));
  });

  test('two working days after a Thursday evening are the Monday evening', () => {
    expect(after(at('2026-11-19T17:00:00Z'), parseDuration('2 working-days'), AMSTERDAM)).toEqual(at('2026-11-23T17:00:00Z'));
  });

  test('month and year ends are crossed', () => {
    expect(after(at('2026-12-31T11:00:00Z'), parseDuration('1d'), AMSTERDAM)).toEqual(at('2027-01-01T11:00:00Z'));
    expect(after(at('2028-02-28T11:00:00Z'), parseDuration('2d'), AMSTERDAM)).toEqual(at('2028-03-01T11:00:00Z'));
  });
});

describe('the next clock time', () => {
  test('is today when it is still to come, and tomorrow when it has passed', () => {
    expect(atClockTime(at('2026-11-21T08:00:00Z'), 10, 0, AMSTERDAM)).toEqual(at('2026-11-21T09:00:00Z'));
    expect(atClockTime(at('2026-11-21T09:00:01Z'), 10, 0, AMSTERDAM)).toEqual(at('2026-11-22T09:00:00Z'));
  });
});

test.each([
  ['Europe/Amsterdam', true],
  ['UTC', true],
  ['Europe/Amsterdm', false],
  ['CET+1', false],
  ['', false],
])('%p is a time zone: %p', (name, expected) => {
  expect(isTimeZone(name)).toBe(expected);
});
