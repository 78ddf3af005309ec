import { describe, expect, it } from 'vitest';
import { codeOf, next, previous, stepOf, steps } from './steps';

describe('a first run', () => {
  it('has at most six steps', () => expect(steps.length).toBeLessThanOrEqual(6));
  it('begins with the code, whatever the address says', () => {
    for (const asked of ['', 'welcome', 'administrator', 'ports', 'done', 'nonsense']) expect(stepOf(asked, false, '')).toBe('welcome');
  });
  it('goes on where it was when the page is loaded again', () => {
    expect(stepOf('administrator', false, 'abc')).toBe('administrator');
    expect(stepOf('fabric', true, '')).toBe('fabric');
    expect(stepOf('done', true, '')).toBe('done');
  });
  it('never shows what is for who is signed in to anybody else', () => {
    for (const asked of steps) expect(['welcome', 'administrator']).toContain(stepOf(asked, false, 'abc'));
  });
  it('makes no second administrator', () => {
    for (const asked of ['', ...steps]) expect(['ports', 'fabric', 'done']).toContain(stepOf(asked, true, 'abc'));
    expect(previous('ports', true)).toBeUndefined();
  });
  it('comes to an end', () => {
    expect(next('fabric')).toBe('done');
    expect(next('done')).toBeUndefined();
  });
});

it('takes a code however it was copied', () => expect(codeOf(' ABCD efgh\nijkl mnop\n')).toBe('abcdefghijklmnop'));
