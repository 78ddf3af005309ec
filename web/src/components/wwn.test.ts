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
  it('knows leading digits and a star, and a number of bits, in the spellings of the appliance', () => {
    for (const text of ['20:00:02:fc:*', '50:*', '5*', '20:00:02:FC*', '200002fc*', '20-00-02-*', '2000.02fc.*', '50:06:01:6*', '2:0-0.0:*', '20:00:*:*:*:*:*:*', '20:00:**', '200002fc0100000*', ' 20:* ']) {
      expect(isMask(text), text).toBe(true);
    }
    for (const text of ['20:00:00:00:00:00:00:00/16', '20:00:02:FC:00:00:00:00/32', '200002fc00000000/32', '20:00:02:fc:01:00:00:01/64', '2000.02fc.0100.0000/40']) expect(isMask(text), text).toBe(true);
  });

  it('refuses what the appliance refuses', () => {
    for (const text of ['', '*', ':*', '**', 'host*', '0x20*', 'naa.20*', '20::00*', '20:00:*:01', '*:20', '20 00*', '200002fc01000001*', 'a/b', '20:00:02:fc:01:00:00:01', '20:00/16', '２0:*']) expect(isMask(text), text).toBe(false);
    for (const length of ['0', '00', '032', '65', '99', '-1', '3.5', '', '16', '32x']) expect(isMask(`20:00:02:fc:00:00:00:00/${length}`), length).toBe(false);
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
