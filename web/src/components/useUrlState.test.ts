import { describe, expect, it } from 'vitest';
import { searchAfter, viewOf } from './useUrlState';

const usual = { tab: 'pending', text: '', sort: '-byte_rate' };

describe('a view in the address', () => {
  it('has its usual values where nothing is said', () => expect(viewOf('', usual)).toEqual(usual));
  it('has what is said, and nothing that is of another view', () => expect(viewOf('?tab=history&other=1', usual)).toEqual({ ...usual, tab: 'history' }));
  it('knows an empty value from none', () => expect(viewOf('?sort=', usual).sort).toBe(''));
  it('leaves usual values out', () => expect(searchAfter('?tab=history', { tab: 'pending' }, usual)).toBe(''));
  it('leaves what is not of it', () => expect(searchAfter('?other=1&text=a', { text: 'b' }, usual)).toBe('other=1&text=b'));
  it('takes what is undefined away', () => expect(searchAfter('?text=a', { text: undefined }, usual)).toBe(''));
  it.each(['a&b=c', 'a%26b', '50 % + 1', 'שלום', '#?/', '', '20:00:02:fc:01:00:00:01'])('gives back any text: %j', (text) => {
    expect(viewOf('?' + searchAfter('', { text }, usual), usual).text).toBe(text);
  });
});
