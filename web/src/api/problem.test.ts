import { describe, expect, it } from 'vitest';
import { ApiError, asProblem, problemOf, unreachable } from './problem';

const answer = (body: string, status: number, headers: Record<string, string> = {}) => new Response(body, { status, headers });
const described = { type: '/api/docs#problem-locked_out', title: 'Too many failed attempts to sign in', status: 429, code: 'locked_out', detail: 'There were too many failed attempts.', request_id: 'R1' };

describe('what is no success', () => {
  it('is a problem in the appliance’s words', async () => {
    const p = await problemOf(answer(JSON.stringify({ ...described, fields: [{ location: 'body/name', message: 'is odd' }] }), 429, { 'Retry-After': '8' }));
    expect(p).toMatchObject({ code: 'locked_out', status: 429, retryAfter: 8, message: 'There were too many failed attempts.', fields: [{ location: 'body/name', message: 'is odd' }] });
  });
  it('says no wait where the appliance said none', async () => {
    expect((await problemOf(answer(JSON.stringify(described), 429))).retryAfter).toBeUndefined();
  });
  it.each(['', '<html>Bad gateway</html>', '[]', 'null', '{"code":5,"title":"x"}'])('is told from what something in between answers: %j', async (body) => {
    expect(await problemOf(answer(body, 502, { 'X-Request-Id': 'R2' }))).toMatchObject({ code: 'no-answer', status: 502, request_id: 'R2', detail: 'Status 502.' });
  });
});

describe('no answer at all', () => {
  it('is a matter of time, or of the way', () => {
    expect(unreachable(new DOMException('late', 'TimeoutError'), true).code).toBe('timeout');
    expect(unreachable(new TypeError('Failed to fetch'), false)).toMatchObject({ code: 'unreachable', status: 0 });
  });
});

describe('anything that was thrown', () => {
  it('can be shown', () => {
    const p = new ApiError(described);
    expect(asProblem(p)).toBe(p);
    expect(asProblem(new Error('defect'))).toMatchObject({ code: 'console', detail: 'defect', status: 0 });
    expect(asProblem(undefined).detail).toBe('undefined');
  });
});
