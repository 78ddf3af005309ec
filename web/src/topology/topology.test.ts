import { describe, expect, it } from 'vitest';
import type { Schema } from '../api/client';
import { lay, layoutKey, strokeOf } from './layout';
import { build, courseOf, mostEnds, type Sources, type Topology } from './model';
import { move } from './move';
import { cut, summary } from './words';

type Flow = Schema['Flow'];

const flow = (host: number, target: number, more: Partial<Flow> = {}): Flow => ({
  id: `0-0-${host}-${target}`,
  fabric: 0,
  vsan: 0,
  initiator: `20:00:00:00:00:00:01:${host.toString(16).padStart(2, '0')}`,
  initiator_alias: `host-${host}`,
  target: `20:00:00:00:00:00:0a:${target.toString(16).padStart(2, '0')}`,
  target_alias: `array-${target}`,
  verdict: 'forward',
  state: 'active',
  evaluated: true,
  static: false,
  port: 'edge0',
  target_port: 'fabric0',
  frames_to_target: 1,
  frames_to_initiator: 1,
  bytes_to_target: 1,
  bytes_to_initiator: 1,
  bytes_per_second: 1_000_000,
  errors: 0,
  ...more,
});

const through = (more: Partial<Flow> = {}): Partial<Flow> => ({ verdict: 'redirect', service: 'inspect', policy: 'p', ...more });

const sources = (flows: Flow[], more: Partial<Sources> = {}): Sources => ({
  flows, total: flows.length, logins: [], ports: [], services: [], portsNow: new Map(), servicesNow: new Map(), ...more,
});

const service = (more: Partial<Schema['ServiceItem']> = {}): Schema['ServiceItem'] => ({ name: 'inspect', mode: 'steer', port: 'svc0', state: 'up', ...more });

const find = (t: Topology, id: string) => t.nodes.find((n) => n.id === id);

describe('what is shown', () => {
  it('names a link by its ends, its way and its rate', () => {
    const t = build(sources([flow(1, 1, through({ bytes_per_second: 1_537_500 })), flow(1, 2)]));
    expect(t.links.map((l) => l.label)).toEqual(['host-1 to array-1 through inspect, 12.3 Mbit/s', 'host-1 to array-2 directly, 8.00 Mbit/s']);
    expect(t.links[0]?.stops).toEqual(['host:20:00:00:00:00:00:01:01', 'in:edge0', 'service:inspect', 'out:fabric0', 'target:20:00:00:00:00:00:0a:01']);
    expect(summary(t)).toBe('2 flows carry 20.3 Mbit/s. Redirected through services: 1 flow with 12.3 Mbit/s, 61 % of it.');
  });

  it.each<[Partial<Flow>, string, string]>([
    [{ verdict: 'drop', policy: 'no-lab' }, 'dropped', 'host-1 to array-1 dropped by policy no-lab, 8.00 Mbit/s'],
    [through({ state: 'blocked' }), 'blocked', 'host-1 to array-1 blocked, because inspect cannot be used, 8.00 Mbit/s'],
    [through({ state: 'bypassed' }), 'bypassed', 'host-1 to array-1 past inspect, which cannot be used, 8.00 Mbit/s'],
    [through({ verdict: 'mirror' }), 'copied', 'host-1 to array-1 directly, with copies to inspect, 8.00 Mbit/s'],
    [{ bytes_per_second: undefined }, 'direct', 'host-1 to array-1 directly, rate not known yet'],
  ])('says what becomes of %o', (more, course, label) => {
    const f = flow(1, 1, more);
    expect(courseOf(f)).toBe(course);
    expect(build(sources([f])).links[0]?.label).toBe(label);
  });

  it('ends what is blocked at its service, and what is dropped at its port', () => {
    const t = build(sources([flow(1, 1, through({ state: 'blocked' })), flow(2, 1, { verdict: 'drop' })]));
    expect(t.links.map((l) => l.stops.at(-1))).toEqual(['service:inspect', 'in:edge0']);
    expect(find(t, 'target:20:00:00:00:00:00:0a:01')).toBeDefined();
    expect(t.links[0]?.href).toContain('state=blocked');
    const laid = lay(t, 1000);
    expect(laid.routes.get(t.links[0]?.id ?? '')?.end).toBeDefined();
    expect(laid.routes.get(t.links[1]?.id ?? '')?.end).toBeDefined();
  });

  it('says what follows from a service that is down, and believes the samples', () => {
    const say = (s: Schema['ServiceItem'], up: boolean) => find(build(sources([], { services: [s], servicesNow: new Map([['inspect', up]]) })), 'service:inspect')?.state;
    expect(say(service(), true)).toBe('up');
    expect(say(service(), false)).toBe('down, flows bypass it');
    expect(say(service({ on_failure: 'block' }), false)).toBe('down, flows blocked');
    expect(say(service({ mode: 'mirror' }), false)).toBe('down, no copies');
  });

  it('shows who is logged in without flows, on the right side', () => {
    const login = (wwpn: string, role: Schema['Login']['role']): Schema['Login'] => ({
      fabric: 0, vsan: 0, fc_id: '0x010101', wwpn, role, state: 'live', contested: false, functions: [], first_seen: '', last_seen: '', port: 'edge0',
    });
    const t = build(sources([], { logins: [login('a', 'initiator'), login('b', 'target')] }));
    expect(find(t, 'host:a')?.label).toBe('Host a, logged in, no flows');
    expect(find(t, 'target:b')?.layer).toBe(4);
  });

  it('keeps flows apart whose WWPNs are not known', () => {
    const t = build(sources([flow(1, 1, { initiator: undefined, initiator_alias: undefined, initiator_id: '0x010203' })]));
    expect(t.links[0]?.host).toBe('0x010203');
    expect(t.links[0]?.href).toContain('initiator=-');
  });

  it('shows ends by port when there are many, and says how many flows are not shown', () => {
    const flows = Array.from({ length: mostEnds + 1 }, (_, i) => flow(i, 1));
    const t = build(sources(flows, { total: 12_000 }));
    expect(t.nodes.filter((n) => n.layer === 0).map((n) => [n.name, n.state, n.flows])).toEqual([['Hosts on edge0', `${mostEnds + 1} hosts`, mostEnds + 1]]);
    expect(t.links).toHaveLength(1);
    expect(t.links[0]?.label).toBe('hosts on edge0 to array-1 directly, 41 flows, 328 Mbit/s');
    expect(t.more).toBe(12_000 - flows.length);
    expect(summary(t)).toContain('The 41 heaviest flows carry');
  });

  it('shows the fuller side by port when there are many links', () => {
    const flows = Array.from({ length: 30 * 20 }, (_, i) => flow(i % 30, Math.floor(i / 30)));
    const t = build(sources(flows));
    expect(t.nodes.filter((n) => n.layer === 0)).toHaveLength(1);
    expect(t.nodes.filter((n) => n.layer === 4)).toHaveLength(20);
  });
});

describe('where it stands', () => {
  const flows = [flow(1, 1, through()), flow(1, 2), flow(2, 1), flow(2, 2, { verdict: 'mirror', service: 'watch' })];

  it('does not move for rates, and does for what comes', () => {
    const key = layoutKey(build(sources(flows)));
    expect(layoutKey(build(sources(flows.map((f) => ({ ...f, bytes_per_second: 5 })))))).toBe(key);
    expect(layoutKey(build(sources([...flows, flow(3, 1)])))).not.toBe(key);
    expect(layoutKey(build(sources(flows.map((f) => ({ ...f, ...through() })))))).not.toBe(key);
  });

  it.each([300, 1000, 1600, 4000])('puts nodes apart and inside, in a room of %i', (room) => {
    const t = build(sources(Array.from({ length: 150 }, (_, i) => flow(i % 15, Math.floor(i / 15), i % 3 === 0 ? through() : {}))));
    const l = lay(t, room);
    const boxes = [...l.boxes.values()];
    expect(boxes).toHaveLength(t.nodes.length);
    for (const [i, a] of boxes.entries()) {
      expect(a.x >= 0 && a.y >= 0 && a.x + a.w <= l.width && a.y + a.h <= l.height).toBe(true);
      for (const b of boxes.slice(i + 1)) expect(a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y).toBe(true);
    }
    for (const route of l.routes.values()) expect(route.d).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('has links between two nodes beside each other, in the same order on both sides', () => {
    const t = build(sources([flow(1, 1), flow(1, 2), flow(1, 3)]));
    const starts = [...lay(t, 1000).routes.values()].map(({ d }) => /^M(\S+) (\S+)C\S+ \S+ \S+ \S+ \S+ ([\d.]+)/.exec(d)).map((m) => [Number(m?.[2]), Number(m?.[3])]);
    starts.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
    expect(starts.map((s) => s[1])).toEqual([...starts.map((s) => s[1] ?? 0)].sort((a, b) => a - b));
  });

  it('draws wider what is faster, within its slot', () => {
    const widths = [undefined, 0, 1e4, 1e6, 1e8, 1e10].map((r) => strokeOf(r, 12));
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
    expect(Math.max(...widths)).toBeLessThan(12);
    expect(new Set(widths).size).toBeGreaterThan(3);
  });

  it('is quick with all that is ever drawn', () => {
    const t = build(sources(Array.from({ length: 500 }, (_, i) => flow(i % 60, i % 55))));
    const began = performance.now();
    for (let i = 0; i < 20; i++) lay(t, 1200);
    expect((performance.now() - began) / 20).toBeLessThan(50);
  });
});

describe('the keyboard', () => {
  const t = build(sources([flow(1, 1, through()), flow(1, 2), flow(2, 1)]));
  const l = lay(t, 1000);
  const go = (from: string, ...keys: string[]) => keys.reduce((at, key) => move(key, at, l, t.links) ?? at, from);
  const host = (n: number) => `host:20:00:00:00:00:00:01:0${n}`;

  it('goes along a layer and stops at its ends', () => {
    expect(go(host(1), 'ArrowDown')).toBe(host(2));
    expect(go(host(1), 'ArrowDown', 'ArrowDown', 'ArrowDown')).toBe(host(2));
    expect(go(host(2), 'Home')).toBe(host(1));
  });

  it('follows a link from its host to its target and back', () => {
    expect(go(host(1), 'ArrowRight')).toBe('in:edge0');
    const link = go(host(1), 'ArrowRight', 'ArrowRight');
    expect(t.links.map((x) => x.id)).toContain(link);
    expect(go(link, 'ArrowLeft')).toBe('in:edge0');
    expect(go(link, 'ArrowRight', 'ArrowRight', 'ArrowRight')).toMatch(/^target:/);
    expect(go(link, 'ArrowRight', 'ArrowLeft')).toBe(link);
  });

  it('leaves other keys alone', () => {
    expect(move('Tab', host(1), l, t.links)).toBeUndefined();
    expect(move('ArrowDown', 'nothing', l, t.links)).toBeUndefined();
  });
});

describe('names', () => {
  it('are cut in the middle, WWPNs at their beginning', () => {
    expect(cut('short', 10)).toBe('short');
    expect(cut('prod-esx-cluster-01-hba0', 12)).toBe('prod-es…hba0');
    expect(cut('20:00:00:25:b5:00:00:01', 12)).toBe('…b5:00:00:01');
  });

  it('keep letters whole and count wide ones twice', () => {
    expect(cut('存储阵列存储阵列', 8)).toBe('存储…列');
    expect(cut('e\u0301'.repeat(9), 5)).toBe('e\u0301'.repeat(3) + '…' + 'e\u0301');
  });
});
