import { describe, expect, it } from 'vitest';
import { ApiError } from '../../api/problem';
import { caretAt, faultsOf, lineOf, offsetOf } from './places';

const text = `aliases:
  host-1: 20:00:02:fc:01:00:00:01
  "a/b": 20:00:02:fc:01:00:00:02
services:
  - name: inspect
    port: svc0
policies:
  - name: first
    match: {initiator: host-1}
    action: forward
  - name: second
    match: {initiator: nobody}
    service: inspect
`;

const problem = (...fields: [location: string, message: string][]) =>
  new ApiError({ code: 'invalid', title: 't', status: 422, type: 'about:blank', request_id: '', fields: fields.map(([location, message]) => ({ location, message })) });

describe('the line of a part', () => {
  it.each([
    ['policies', 7],
    ['policies/second', 11],
    ['policies/second/match', 12],
    ['policies/second/service', 13],
    ['policies/second/action', 11],
    ['services/inspect/port', 6],
    ['aliases/host-1', 2],
    ['aliases/a~1b', 3],
    ['policies/absent', 7],
  ])('%s is line %d', (path, line) => expect(lineOf(text, path)).toBe(line));
  it('is not known of what is no part of a document', () => expect(lineOf(text, 'elsewhere/x')).toBeUndefined());
});

describe('faults', () => {
  it('are put at their lines, in order', () => {
    expect(faultsOf(problem(['body/policies/second/match', 'no alias'], ['body/yaml:3:5', 'odd']), text)).toEqual([
      { line: 3, column: 5, where: 'line 3', message: 'odd' },
      { line: 12, where: 'policies/second/match', message: 'no alias' },
    ]);
  });
  it('of the whole document have no line', () => expect(faultsOf(problem(['body/yaml:0:0', 'policies is missing']), text)).toEqual([{ where: 'the whole', message: 'policies is missing' }]));
});

it('a caret stands under its column', () => expect(caretAt('a\n  bad: 1\n', 2, 3)).toBe('2 |   bad: 1\n      ^'));
it('a line begins where it begins', () => {
  expect(offsetOf('a\nbc\nd', 3)).toBe(5);
  expect(offsetOf('a', 9)).toBe(0);
});
