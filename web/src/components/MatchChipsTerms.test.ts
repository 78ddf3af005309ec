import { describe, expect, it } from 'vitest';
import { joinVsans, splitVsans, termKind } from './MatchChipsTerms';

describe('terms of a match', () => {
  it.each([
    ['20:00:02:fc:01:00:00:01', 'wwpn'],
    ['20-00-02-FC-01-00-00-01', 'wwpn'],
    ['0x200002fc01000001', 'wwpn'],
    ['200002FC01000001', 'wwpn'],
    ['20:00:02:fc:*', 'mask'],
    ['50:06:01:6*', 'mask'],
    ['20:00:02:fc:00:00:00:00/32', 'mask'],
    ['20:00:02:fc:00:00:00:00/99', 'name'],
    ['2:000:02:fc:01:00:00:01', 'name'],
    ['20:00-02.fc:01:00:00:01', 'name'],
    ['*', 'name'],
    ['host-1', 'name'],
    ['deadbeef', 'name'],
    ['any*', 'name'],
  ])('%s is a %s', (text, kind) => expect(termKind(text)).toBe(kind));
});

describe('VSANs', () => {
  it('are split at commas and spaces, and any is none', () => {
    expect(splitVsans('10, 100-199  7')).toEqual(['10', '100-199', '7']);
    expect(splitVsans(' any ')).toEqual([]);
    expect(splitVsans('')).toEqual([]);
    expect(splitVsans('1–9')).toEqual(['1-9']);
  });
  it('are joined again', () => expect(joinVsans(['10', '100-199'])).toBe('10, 100-199'));
});
