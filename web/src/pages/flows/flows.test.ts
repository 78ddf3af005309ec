import { describe, expect, it } from 'vitest';
import { search } from '../../components/commands';
import { amount, nPortsOf, toCommand, toQuery, toStream, usual } from './filter';
import { Arranger, comparing, joined, type Flow } from './order';
import { pathOf, policyLink } from './path';

const flow = (id: string, more: Partial<Flow> = {}): Flow => ({
  id,
  fabric: 0,
  vsan: 0,
  verdict: 'forward',
  state: 'active',
  evaluated: true,
  static: false,
  errors: 0,
  frames_to_target: 0,
  frames_to_initiator: 0,
  bytes_to_target: 0,
  bytes_to_initiator: 0,
  ...more,
});

describe('the filter', () => {
  it('asks nothing of nothing', () => {
    expect(search(toQuery(usual))).toBe('');
    expect(toStream(toQuery(usual))).toEqual({});
  });

  it('says the same to REST and to the stream', () => {
    const q = toQuery({ ...usual, verdict: 'redirect,drop,nonsense', vsan: '0', min_bytes_per_second: '1.5M', static: 'false', initiator: '<b>مضيف</b>' });
    expect(search(q)).toBe(`?${new URLSearchParams({ initiator: '<b>مضيف</b>', verdict: 'redirect,drop', vsan: '0', static: 'false', min_bytes_per_second: '1500000' }).toString()}`);
    expect(toStream(q)).toEqual({ verdicts: ['redirect', 'drop'], vsan: 0, min_byte_rate: 1_500_000, static: false, initiator: '<b>مضيف</b>' });
  });

  it('does not ask what cannot be understood', () => {
    expect(search(toQuery({ ...usual, vsan: '5000', fabric: 'x', verdict: 'maybe', seen_since: 'yesterday', min_errors: '-1', static: 'perhaps' }))).toBe('');
  });

  it('reads amounts', () => {
    expect([amount('64Ki'), amount('1.5 MB/s'), amount('12'), amount('x'), amount(''), amount('1e9')]).toEqual([65_536, 1_500_000, 12, undefined, undefined, undefined]);
  });

  it('is quoted for a shell', () => {
    expect(toCommand(toQuery({ ...usual, initiator: "it's", static: 'true' }))).toBe(`flow export --format csv '--initiator=it'\\''s' --static`);
  });
});

it('suggests the ports that can be said one by one: by alias, else by WWPN', () => {
  const login = (wwpn: string) => ({ wwpn, state: 'live' as const, fabric: 0, vsan: 0, fc_id: '0x000001', contested: false, first_seen: '', last_seen: '', functions: [], role: 'initiator' as const });
  expect(nPortsOf([{ name: 'host-1', wwpn: '20:00' }], [login('20:00'), login('20:01'), login('20:01')])).toEqual([
    { value: 'host-1', text: '20:00' },
    { value: '20:01', text: 'logged in' },
  ]);
  expect(nPortsOf(undefined, undefined)).toEqual([]);
});

describe('the order', () => {
  const a = flow('a', { bytes_per_second: 1, initiator_alias: 'x' });
  const b = flow('b', { bytes_per_second: 3, initiator: '10:00' });
  const c = flow('c', { bytes_per_second: 2 });

  it('is the appliance’s', () => {
    const ids = (sort: string) => [a, b, c].sort(comparing(sort, [])).map((f) => f.id).join('');
    expect([ids('-byte_rate'), ids('byte_rate'), ids('initiator'), ids('-initiator'), ids('id')]).toEqual(['bca', 'acb', 'cba', 'abc', 'abc']);
  });

  it('learns that of policies from the list, both ways', () => {
    const first = flow('1', { policy: 'zebra' });
    const second = flow('2', { policy: 'ant' });
    for (const sort of ['policy', '-policy']) expect([second, first].sort(comparing(sort, [first, second])).map((f) => f.id)).toEqual(['1', '2']);
  });

  it('moves nothing while it is held, and sorts when it is let go', () => {
    const by = comparing('-byte_rate', []);
    const t = new Arranger();
    expect(t.take([a, b, c], by, false).map((r) => r.flow.id)).toEqual(['b', 'c', 'a']);
    const faster = { ...a, bytes_per_second: 9 };
    const d = flow('d', { bytes_per_second: 99 });
    const held = t.take([faster, c, d], by, true);
    expect(held.map((r) => r.flow.id + (r.gone ? '!' : ''))).toEqual(['b!', 'c', 'a', 'd']);
    expect(t.take([faster, c, d], by, false).map((r) => r.flow.id)).toEqual(['d', 'a', 'c']);
  });

  it('keeps rows of flows that did not change', () => {
    const by = comparing('-byte_rate', []);
    const t = new Arranger();
    const [first] = t.take([a, b], by, false);
    const [again] = t.take([{ ...a }, b], by, false);
    expect(again).toBe(first);
  });

  it('has each flow once where pages overlap', () => {
    expect(joined([a, b], [[b, c], [c, a]]).map((f) => f.id)).toEqual(['a', 'b', 'c']);
  });
});

describe('the path', () => {
  const kinds = (f: Flow) => pathOf(f).map((s) => s.kind + (s.off === true ? '-' : ''));
  it('goes through a service only where frames do', () => {
    const via = { policy: 'p', service: 's', port: 'edge0', target_port: 'fabric0' };
    expect(kinds(flow('1', via))).toEqual(['initiator', 'port', 'port', 'target']);
    expect(kinds(flow('1', { ...via, verdict: 'redirect' }))).toEqual(['initiator', 'port', 'service', 'port', 'target']);
    expect(kinds(flow('1', { ...via, verdict: 'redirect', state: 'bypassed' }))).toEqual(['initiator', 'port', 'service-', 'port', 'target']);
    expect(kinds(flow('1', { ...via, verdict: 'redirect', state: 'blocked' }))).toEqual(['initiator', 'port', 'end', 'target-']);
    expect(kinds(flow('1', { ...via, verdict: 'drop' }))).toEqual(['initiator', 'port', 'end', 'target-']);
    expect(kinds(flow('1', { ...via, verdict: 'mirror' }))).toEqual(['initiator', 'port', 'service', 'port', 'target']);
    expect(kinds(flow('1', { state: 'waiting' }))).toEqual(['initiator', 'end', 'target']);
  });

  it('leads to a policy for it', () => {
    expect(policyLink(flow('1', { initiator: '20:00', target: '50:00', target_alias: 'a & b', vsan: 7 }))).toBe('/policies?new=1&initiator=20%3A00&target=a+%26+b&vsan=7');
  });
});
