import { describe, expect, it } from 'vitest';
import { strengthOf } from './password';

describe('the hint for a password', () => {
  it('is silent before anything is typed', () => expect(strengthOf('', 'alice')).toBeUndefined());
  it('counts what is missing, in characters and not in code units', () => {
    expect(strengthOf('abc', '')).toEqual({ tone: 'error', text: '9 more characters' });
    expect(strengthOf('🔒'.repeat(11), '')).toEqual({ tone: 'error', text: '1 more character' });
  });
  it('sees the name of the account, whatever is around it', () => expect(strengthOf('Alice-Alice-2026!', 'alice')?.text).toContain('name'));
  it('takes no name for every name', () => expect(strengthOf('correct horse battery', '')?.tone).toBe('success'));
  it('wants different characters', () => expect(strengthOf('aaaaaaaabbbb', '')?.tone).toBe('error'));
  it('knows rows, both ways', () => {
    expect(strengthOf('abcdefghijkl', '')?.tone).toBe('warning');
    expect(strengthOf('987654321abc', '')?.tone).toBe('warning');
  });
  it('has no rules about kinds of characters', () => {
    expect(strengthOf('a quiet fabric at dawn', 'alice')).toEqual({ tone: 'success', text: 'Good' });
    expect(strengthOf('eleven grey geese over the harbour', 'alice')?.text).toBe('Very good');
  });
});
