import { describe, expect, it } from 'vitest';
import { isMask, nameProblem, wwnOf } from './wwn';

describe('wwnOf', () => {
  it('reads every spelling of a WWN and writes colons', () => {
    for (const text of [
      '20:00:02:fc:01:00:00:01',
      '20-00-02-FC-01-00-00-01',
      '20.00.02.fc.01.00.00.01',
      '2000.02fc.0100.0001',
      '200002fc01000001',
      '200002FC01000001',
      '0x200002fc01000001',
      'naa.200002fc01000001',
      'NAA.200002FC01000001',
      '  200002fc01000001\t',
      '200002fc:01000001',
    ]) {
      expect(wwnOf(text), text).toBe('20:00:02:fc:01:00:00:01');
    }
  });

  it('refuses what the appliance refuses', () => {
    for (const text of [
      '',
      'host-1',
      '20:00:02:fc:01:00:00',
      '20:00:02:fc:01:00:00:01:02',
      '20:00-02:fc:01:00:00:01',
      '2:00:002:fc:01:00:00:01',
      '200:002:fc0:100:000:1',
      '0x20:00:02:fc:01:00:00:01',
      '20:00:02:fc:01:00:00:0g',
      '20:00:02:fc:01:00:00:01:',
      ':200002fc01000001',
      '２0:00:02:fc:01:00:00:01',
      '20000 2fc01000001',
    ]) {
      expect(wwnOf(text), text).toBeUndefined();
    }
  });
});

describe('isMask', () => {
  it('knows a star and a length', () => {
    for (const text of ['20:00:02:fc:*', '50:*', '20:00:00:00:00:00:00:00/16']) expect(isMask(text), text).toBe(true);
    for (const text of ['*', 'host*', 'a/b', '20:00:02:fc:01:00:00:01', '20:00/16']) expect(isMask(text), text).toBe(false);
  });
});

describe('nameProblem', () => {
  it('takes names of any script up to 64 characters', () => {
    for (const name of ['host-1', '<b>bold</b> & "quoted"', 'مضيف التخزين', 'שרת־אחסון 7', '存储主机', '🗄️ array', 'x'.repeat(64), '🗄'.repeat(64), '../etc', "'; drop table"]) {
      expect(nameProblem(name), name).toBeUndefined();
    }
  });

  it('refuses what does not print, what is too long, and what reads as an address', () => {
    for (const name of ['', 'any', 'x'.repeat(65), '🗄'.repeat(65), ' a', 'a ', 'a\tb', 'a\nb', 'a\u202eb', 'a\u200fb', 'a\u00a0b', '200002fc01000001', '20:00:02:fc:01:00:00:01', '20:00:*']) {
      expect(nameProblem(name), JSON.stringify(name)).toBeDefined();
    }
  });
});
