import { describe, expect, it } from 'vitest';
import { aliasBesides, aliasBody, aliasLacks, memberOf, setBesides, setBody, setLacks } from './form';
import { found, inOrder, standingOf, unnamed, usesOf } from './names';
import { pasted } from './paste';

const w = (n: number) => `20:00:02:fc:00:00:00:${n.toString(16).padStart(2, '0')}`;
const login = (wwpn: string, state: 'live' | 'removed' = 'live') => ({
  wwpn,
  state,
  fabric: 0,
  vsan: 0,
  fc_id: '0x000001',
  contested: false,
  first_seen: '',
  last_seen: '',
  functions: [],
  role: 'initiator' as const,
});

describe('what is pasted', () => {
  const there = [
    { name: 'old', wwpn: w(1), version: 7 },
    { name: 'same', wwpn: w(2), version: 8 },
  ];
  const what = (text: string) => pasted(text, there).map((p) => [p.what, p.name, p.wwpn]);

  it('is a name and a WWPN a line, in any spelling', () => {
    expect(what(`# comment\n\nhost-1 ${w(9)}\r\nhost 2\t200002fc0000000a\n"host, 3","20-00-02-FC-00-00-00-0B"\nhost4;2000.02fc.0000.000c`)).toEqual([
      ['new', 'host-1', w(9)],
      ['new', 'host 2', w(10)],
      ['new', 'host, 3', w(11)],
      ['new', 'host4', w(12)],
    ]);
  });

  it('is what switches print, and the other way round', () => {
    expect(what(`device-alias name esx-1 pwwn ${w(9)}\nalicreate "esx 2", "${w(10)}"\n${w(11)} esx 3`)).toEqual([
      ['new', 'esx-1', w(9)],
      ['new', 'esx 2', w(10)],
      ['new', 'esx 3', w(11)],
    ]);
  });

  it('may have names of any script, with markup and emoji', () => {
    const names = ['<img src=x onerror=alert(1)>', 'مضيف التخزين', 'שרת 1', '🗄️ 存储', '"; DROP TABLE', '&lt;i'];
    expect(what(names.map((n, i) => `${n} ${w(20 + i)}`).join('\n'))).toEqual(names.map((n, i) => ['new', n, w(20 + i)]));
  });

  it('tells what is there already', () => {
    expect(pasted(`old ${w(9)}\nsame ${w(2)}`, there)).toMatchObject([{ what: 'changed', version: 7 }, { what: 'same' }]);
  });

  it('says what is wrong, line by line', () => {
    const text = ['alone', 'host 20:00', `\u202Eevil ${w(9)}`, `${'x'.repeat(65)} ${w(9)}`, `a ${w(10)}`, `a ${w(11)}`, `b ${w(10)}`, `thief ${w(1)}`, `any ${w(12)}`];
    expect(pasted(text.join('\n'), there).map((p) => `${p.line} ${p.what} ${p.why ?? ''}`)).toEqual([
      '1 wrong Write a name and a WWPN.',
      '2 wrong It does not end in a WWPN.',
      '3 wrong It holds a character that does not print (U+202E).',
      '4 wrong It has 65 characters, more than 64.',
      '5 new ',
      '6 wrong Line 5 has the same name.',
      '7 wrong Line 5 has the same WWPN.',
      '8 wrong The alias old stands for this WWPN.',
      '9 wrong The name any stands for everything.',
    ]);
  });
});

describe('names', () => {
  const aliases = [
    { name: 'host-10', wwpn: w(1) },
    { name: 'host-2', wwpn: w(2) },
    { name: '<b>مضيف</b>', wwpn: w(3) },
  ];

  it('are found by part of the name and any spelling of the WWPN', () => {
    const names = (s: string) => found(aliases, s).map((a) => a.wwpn);
    expect(names('HOST')).toEqual([w(1), w(2)]);
    expect(names('200002FC00000002')).toEqual([w(2)]);
    expect(names('00-03')).toEqual([w(3)]);
    expect(names('<b>')).toEqual([w(3)]);
    expect(names('[')).toEqual([]);
  });

  it('are sorted as people count', () => {
    expect(inOrder(aliases, 'name').map((a) => a.wwpn).slice(-2)).toEqual([w(2), w(1)]);
    expect(inOrder(aliases, '-wwpn').map((a) => a.wwpn)).toEqual([w(3), w(2), w(1)]);
  });

  it('know where they are used, by name or by WWPN', () => {
    const uses = usesOf(aliases, [{ name: 's', members: ['host-2', w(1), '20:00:*'] }], [{ name: 'p', action: 'forward', match: { initiator: ['s', 'host-2'], target: ['host-2'] } }]);
    expect(uses.get('host-2')).toEqual([{ kind: 'set', name: 's' }, { kind: 'policy', name: 'p' }]);
    expect(uses.get('host-10')).toEqual([{ kind: 'set', name: 's' }]);
    expect(uses.get('s')).toEqual([{ kind: 'policy', name: 'p' }]);
  });

  it('stand beside what decides now', () => {
    const active = new Map([['host-2', w(2)], ['host-10', w(9)]]);
    expect(aliases.map((a) => standingOf(a, active))).toEqual(['changed', 'active', 'new']);
  });

  it('are missing for ports that are logged in, each once', () => {
    expect(unnamed([login(w(1)), login(w(8)), login(w(8)), login(w(9), 'removed')], aliases).map((l) => l.wwpn)).toEqual([w(8)]);
  });
});

describe('the forms', () => {
  it('send what a name stands for, and never the name', () => {
    expect(aliasBody({ name: 'a', wwpn: '200002FC00000001' })).toEqual({ wwpn: w(1) });
    expect(setBody({ name: 's', members: ['a', '20:*'] })).toEqual({ members: ['a', '20:*'] });
  });

  it('say what is missing', () => {
    expect([aliasLacks({ name: '', wwpn: w(1) }), aliasLacks({ name: 'a', wwpn: '20:00' }), aliasLacks({ name: 'a', wwpn: w(1) })]).toEqual(['Give it a name.', 'It needs a WWPN.', undefined]);
    expect([setLacks({ name: 's', members: [] }), setLacks({ name: '20:*', members: ['a'] }), setLacks({ name: 's', members: ['a'] })]).toEqual(['Add at least one.', 'It reads as a WWPN or a mask itself.', undefined]);
  });

  it('show theirs beside mine', () => {
    expect(aliasBesides({ name: 'a', wwpn: '200002FC00000001' }, { name: 'a', wwpn: w(2) })).toEqual([{ label: 'WWPN', mine: w(1), theirs: w(2) }]);
    expect(setBesides({ name: 's', members: ['a', 'b'] }, { name: 's', members: ['a'] })).toEqual([{ label: 'Members', mine: 'a, b', theirs: 'a' }]);
  });

  it('take members as they are kept', () => {
    const aliases = [{ name: 'Host 1', wwpn: w(1) }];
    expect(['Host 1 ', '200002FC00000002', '20:00:02:FC:*', 'host 1', '*'].map((t) => memberOf(t, aliases))).toEqual(['Host 1', w(2), '20:00:02:fc:*', undefined, undefined]);
  });
});
