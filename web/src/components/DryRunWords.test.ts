import { describe, expect, it } from 'vitest';
import { dryRunSentence, spanText, verdictDetail, verdictKey } from './DryRunWords';

describe('what a dry run says', () => {
  it.each([
    [{ flows: 0, changed: 0, minutes: 10 }, 'There were no flows in the last 10 minutes, so nothing can be said about any.'],
    [{ flows: 1, changed: 0, minutes: 1 }, 'The one flow of the last minute keeps its verdict.'],
    [{ flows: 1, changed: 1, minutes: 60 }, 'The one flow of the last hour changes verdict.'],
    [{ flows: 1234, changed: 0, minutes: 1440 }, 'All 1,234 flows of the last day keep their verdict.'],
    [{ flows: 1234, changed: 1, minutes: 10 }, 'Of the 1,234 flows of the last 10 minutes, 1 changes verdict.'],
    [{ flows: 1234, changed: 14, minutes: 360 }, 'Of the 1,234 flows of the last 6 hours, 14 change verdict.'],
  ])('%j', (run, text) => expect(dryRunSentence(run)).toBe(text));

  it('names spans', () => expect([1, 7, 60, 90, 120, 1440].map(spanText)).toEqual(['minute', '7 minutes', 'hour', '90 minutes', '2 hours', 'day']));
});

describe('verdicts', () => {
  it('say in what they differ', () => {
    expect(verdictDetail({ action: 'forward' })).toBe('');
    expect(verdictDetail({ action: 'mirror', service: 'audit', frames: 'commands' })).toBe('commands alone');
    expect(verdictDetail({ action: 'redirect', service: 'inspect', on_failure: 'block' })).toBe('block on failure');
  });
  it('are told apart by all that is shown', () => {
    expect(verdictKey({ action: 'drop', policy: 'a' })).not.toBe(verdictKey({ action: 'drop', policy: 'b' }));
    expect(verdictKey({ action: 'redirect', service: 'a' })).not.toBe(verdictKey({ action: 'redirect', policy: 'a' }));
  });
});
