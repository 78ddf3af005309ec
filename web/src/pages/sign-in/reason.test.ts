import { describe, expect, it } from 'vitest';
import { ApiError } from '../../api/problem';
import { reasonOf } from './reason';

const problem = (code: string, status: number, retryAfter?: number) =>
  new ApiError({ code, title: 'The title', detail: 'The detail.', status, type: 'about:blank', request_id: 'R1' }, retryAfter);

describe('why signing in failed', () => {
  it('does not tell a wrong name from a wrong password or a disabled account', () => expect(reasonOf(problem('bad_credentials', 401)).title).toBe('Name or password are wrong'));
  it('says how long to wait', () => {
    expect(reasonOf(problem('locked_out', 429, 8)).text).toContain('in 8 seconds');
    expect(reasonOf(problem('locked_out', 429, 899)).text).toContain('in 15 minutes');
  });
  it('takes a busy or unreachable appliance for no fault of who types', () => {
    expect(reasonOf(problem('busy', 503, 2)).variant).toBe('warning');
    expect(reasonOf(problem('unreachable', 0)).variant).toBe('warning');
  });
  it('shows what it does not know as the appliance says it', () => expect(reasonOf(problem('internal', 500)).text).toBe('The detail. The log has it as request R1.'));
});
