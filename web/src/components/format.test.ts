import { describe, expect, it } from 'vitest';
import { ago, bitRate, bytes, count, duration, micros, perSecond, plural, share, short, utc } from './format';

describe('numbers', () => {
  it.each<[number | undefined, string]>([
    [0, '0'],
    [999, '999'],
    [999.4, '999'],
    [1000, '1.00 k'],
    [1234, '1.23 k'],
    [45_600, '45.6 k'],
    [999_600, '1.00 M'],
    [123_456_789, '123 M'],
    [-1234, '−1.23 k'],
    [NaN, '–'],
    [Infinity, '–'],
    [undefined, '–'],
  ])('%s is %s', (v, text) => expect(short(v)).toBe(text));

  it('count is exact', () => expect(count(12_345_678)).toBe('12,345,678'));
  it('plural knows one', () => {
    expect(plural(1, 'flow')).toBe('1 flow');
    expect(plural(0, 'flow')).toBe('0 flows');
    expect(plural(2000, 'policy', 'policies')).toBe('2,000 policies');
  });
});

describe('sizes and rates', () => {
  it('are binary for bytes and decimal for bits', () => {
    expect(bytes(1536)).toBe('1.50 KiB');
    expect(bytes(1023)).toBe('1023 B');
    expect(bytes(1024)).toBe('1.00 KiB');
    expect(bitRate(1_250_000_000)).toBe('10.0 Gbit/s');
    expect(bitRate(0)).toBe('0 bit/s');
  });
  it('have a unit or nothing at all', () => {
    expect(perSecond(1234)).toBe('1.23 k/s');
    expect(perSecond(NaN)).toBe('–');
  });
});

describe('a share', () => {
  it.each([
    [0, '0 %'],
    [1, '100 %'],
    [0.25, '25 %'],
    [0.042, '4.2 %'],
    [0.00001, '< 0.1 %'],
    [0.99999, '99.9 %'],
    [0.994, '99 %'],
  ])('%s is %s: what is not all is not shown as all', (v, text) => expect(share(v)).toBe(text));
  it('of nothing is none', () => expect(share(0 / 0)).toBe('–'));
});

describe('a latency', () => {
  it.each([
    [0, '0 ns'],
    [0.25, '250 ns'],
    [0.99996, '1.00 µs'],
    [12.34, '12.3 µs'],
    [999.97, '1.00 ms'],
    [2500, '2.50 ms'],
    [12_000_000, '12.0 s'],
  ])('of %s µs is %s', (us, text) => expect(micros(us)).toBe(text));
});

describe('times', () => {
  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [200, '3 min 20 s'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
    [90_000, '1 d 1 h'],
    [-5, '0 s'],
    [NaN, '–'],
  ])('%s s last %s', (s, text) => expect(duration(s)).toBe(text));
  it.each([
    [0, 'just now'],
    [-60_000, 'just now'],
    [5_900, '5 s ago'],
    [119_000, '1 min ago'],
    [7_200_000, '2 h ago'],
    [200_000_000, '2 d ago'],
  ])('%s ms are %s', (ms, text) => expect(ago(ms)).toBe(text));
  it('are said in UTC, without parts of seconds', () => {
    expect(utc('2026-11-22T15:36:05.479407811Z')).toBe('2026-11-22 15:36:05 UTC');
    expect(utc(0)).toBe('1970-01-01 00:00:00 UTC');
  });
});
