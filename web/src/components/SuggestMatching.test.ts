import { expect, it } from 'vitest';
import { matching } from './SuggestMatching';

it('finds what is suggested by its value and by what stands beside it, WWPNs in any spelling', () => {
  const all = [
    { value: 'host-1', text: '20:00:02:fc:01:00:00:01' },
    { value: '20:00:02:fc:01:00:00:02', text: 'Logged in as 0x010203 on edge0' },
    { value: 'old host', text: 'Set of 2' },
  ];
  const values = (text: string) => matching(all, text).map((s) => s.value);
  expect(values('HOST')).toEqual(['host-1', 'old host']);
  expect(values('200002fc')).toEqual(['host-1', '20:00:02:fc:01:00:00:02']);
  expect(values('00-02')).toEqual(['host-1', '20:00:02:fc:01:00:00:02']);
  expect(values('edge0')).toEqual(['20:00:02:fc:01:00:00:02']);
  expect(values('')).toHaveLength(3);
});
