import type { Schema } from '../api/client';
import { linkWords, nodeLabel } from './words';

/**
 * What the topology shows, without where it stands: nodes in five layers, and links that go through them. It is made anew from
 * what the appliance says; the same input gives the same identities, so that what is drawn can be kept (layout.ts).
 */

/** The layers, from left to right. */
export const layers = ['Hosts', 'Edge ports', 'Services', 'Fabric ports', 'Targets'] as const;

/** How frames of a link go. */
export type Course = 'direct' | 'redirected' | 'copied' | 'bypassed' | 'blocked' | 'dropped';

export type Tone = 'good' | 'warning' | 'bad' | 'unknown';

export interface Node {
  id: string;
  layer: number;
  kind: 'end' | 'group' | 'port' | 'service' | 'direct';
  name: string;
  /** The name that does not change, where name is an alias. */
  wwpn?: string;
  /** Of an end: the port by which its frames come in. */
  port?: string;
  tone: Tone;
  /** The state in words. */
  state: string;
  flows: number;
  /** Bytes a second; of a port, of its frames in and out. */
  rate: number | undefined;
  /** Where it leads: the flows of it. */
  href: string;
  /** All of it in a sentence. */
  label: string;
}

export interface Link {
  id: string;
  course: Course;
  /** The nodes that it goes through, from the host on. One that is blocked ends before the target. */
  stops: string[];
  /** Where copies go. */
  copy?: string;
  host: string;
  target: string;
  service?: string;
  policy?: string;
  flows: number;
  rate: number | undefined;
  href: string;
  label: string;
}

export interface Topology {
  nodes: Node[];
  links: Link[];
  /** Of the flows shown. */
  flows: number;
  redirected: number;
  rate: number;
  redirectedRate: number;
  /** Flows that are not among the heaviest. */
  more: number;
}

export interface Sources {
  flows: readonly Schema['Flow'][];
  total: number | undefined;
  logins: readonly Schema['Login'][];
  ports: readonly Schema['Port'][];
  services: readonly Schema['ServiceItem'][];
  /** Newer than what ports and services say: from the samples. */
  portsNow: ReadonlyMap<string, { up: boolean; rate: number | undefined }>;
  servicesNow: ReadonlyMap<string, boolean>;
}

/** With more of them, the ends of a layer are shown by port. */
export const mostEnds = 40;
/** With more of them nobody follows one: then the fuller side is shown by port, too. */
export const mostLinks = 160;

type Side = 'host' | 'target';
type End = { key: string; name: string; wwpn: string | undefined; port: string | undefined };

/** endOf is one end of a flow. While its WWPN is not known, its address stands for it. */
function endOf(f: Schema['Flow'], side: Side): End {
  const [wwpn, alias, id, port] = side === 'host' ? [f.initiator, f.initiator_alias, f.initiator_id, f.port] : [f.target, f.target_alias, f.target_id, f.target_port];
  return { key: wwpn ?? `${f.fabric}/${f.vsan}/${id ?? '?'}`, name: alias ?? wwpn ?? id ?? 'unknown', wwpn, port };
}

export function courseOf(f: Pick<Schema['Flow'], 'verdict' | 'state'>): Course {
  if (f.verdict === 'drop') return 'dropped';
  if (f.verdict === 'forward') return 'direct';
  if (f.state === 'blocked') return 'blocked';
  if (f.state === 'bypassed') return 'bypassed';
  return f.verdict === 'mirror' ? 'copied' : 'redirected';
}

/** sum adds what may not be known: nothing known is not zero. */
const sum = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined ? b : b === undefined ? a : a + b);

const flowsPath = (q: Record<string, string | undefined>): string => {
  const params = new URLSearchParams();
  for (const [k, v] of Object.entries(q)) if (v !== undefined) params.set(k, v);
  return `/flows?${params.toString()}`;
};

type Grouped = Record<Side, boolean>;

const endId = (side: Side, e: End, grouped: boolean): string => (grouped ? `${side}s@${e.port ?? '?'}` : `${side}:${e.key}`);
const portId = (side: Side, port: string | undefined): string => `${side === 'host' ? 'in' : 'out'}:${port ?? '?'}`;

/** stopsOf is where a flow's frames come by. */
function stopsOf(f: Schema['Flow'], course: Course, host: string, target: string): string[] {
  const start = [host, portId('host', f.port)];
  if (course === 'dropped') return start;
  if (course === 'blocked') return [...start, `service:${f.service ?? '?'}`];
  const via = course === 'redirected' ? `service:${f.service ?? '?'}` : 'direct';
  return [...start, via, portId('target', f.target_port), target];
}

function makeLinks(flows: readonly Schema['Flow'][], grouped: Grouped): Map<string, Link> {
  const links = new Map<string, Link>();
  for (const f of flows) {
    const course = courseOf(f);
    const [host, target] = [endOf(f, 'host'), endOf(f, 'target')];
    const [from, to] = [endId('host', host, grouped.host), endId('target', target, grouped.target)];
    const stops = stopsOf(f, course, from, to);
    const id = [course, ...stops, to, f.service ?? ''].join(' ');
    const known = links.get(id);
    if (known !== undefined) {
      known.flows++;
      known.rate = sum(known.rate, f.bytes_per_second);
      if (known.policy !== f.policy) known.policy = undefined;
      continue;
    }
    links.set(id, {
      id,
      course,
      stops,
      copy: course === 'copied' ? `service:${f.service ?? '?'}` : undefined,
      host: grouped.host ? `hosts on ${host.port ?? 'an unknown port'}` : host.name,
      target: grouped.target ? `targets on ${target.port ?? 'an unknown port'}` : target.name,
      service: f.service,
      policy: f.policy,
      flows: 1,
      rate: f.bytes_per_second,
      href: flowsPath({
        initiator: grouped.host ? undefined : (host.wwpn ?? '-'),
        target: grouped.target ? undefined : (target.wwpn ?? '-'),
        port: grouped.host ? f.port : grouped.target ? f.target_port : undefined,
        service: f.service,
        state: course === 'bypassed' || course === 'blocked' ? course : undefined,
        verdict: course === 'dropped' ? 'drop' : course === 'direct' ? 'forward' : undefined,
      }),
      label: '',
    });
  }
  for (const link of links.values()) link.label = linkWords(link);
  return links;
}

const blank = (id: string, layer: number, kind: Node['kind'], name: string, href: string): Node => ({
  id, layer, kind, name, tone: 'unknown', state: '', flows: 0, rate: undefined, href, label: '',
});

/** loginState says how an end stands with the fabric. */
function loginState(l: Schema['Login'] | undefined): Pick<Node, 'tone' | 'state'> {
  if (l === undefined) return { tone: 'unknown', state: 'login not seen' };
  if (l.contested) return { tone: 'warning', state: 'address contested' };
  if (l.state === 'live') return { tone: 'good', state: 'logged in' };
  if (l.state === 'suspect') return { tone: 'warning', state: 'silent' };
  if (l.state === 'removed') return { tone: 'bad', state: 'logged out' };
  return { tone: 'unknown', state: 'state not known' };
}

const sideOf = (l: Schema['Login'], fabricPorts: ReadonlySet<string>): Side =>
  l.role === 'initiator' ? 'host' : l.role === 'unknown' && !(l.port !== undefined && fabricPorts.has(l.port)) ? 'host' : 'target';

interface EndSeen extends End {
  login: Schema['Login'] | undefined;
}

/** endsOf is everybody on a side: who has flows, and who is logged in without any. */
function endsOf(s: Sources, side: Side): Map<string, EndSeen> {
  const ends = new Map<string, EndSeen>();
  const logins = new Map(s.logins.filter((l) => l.state !== 'removed' || !ends.has(l.wwpn)).map((l) => [l.wwpn, l]));
  for (const f of s.flows) {
    const e = endOf(f, side);
    if (!ends.has(e.key)) ends.set(e.key, { ...e, login: e.wwpn === undefined ? undefined : logins.get(e.wwpn) });
  }
  const fabricPorts = new Set(s.ports.filter((p) => p.role === 'fabric').map((p) => p.name));
  for (const l of logins.values()) {
    if (l.state === 'removed' || ends.has(l.wwpn) || sideOf(l, fabricPorts) !== side) continue;
    ends.set(l.wwpn, { key: l.wwpn, name: l.alias ?? l.wwpn, wwpn: l.wwpn, port: l.port, login: l });
  }
  return ends;
}

function endNodes(ends: ReadonlyMap<string, EndSeen>, side: Side, grouped: boolean): Node[] {
  const layer = side === 'host' ? 0 : 4;
  const nodes = new Map<string, Node & { members: number }>();
  for (const e of ends.values()) {
    const id = endId(side, e, grouped);
    const known = nodes.get(id);
    if (known !== undefined) {
      known.members++;
      known.state = `${known.members} ${side}s`;
      continue;
    }
    const q = side === 'host' ? 'initiator' : 'target';
    const node: Node = grouped
      ? { ...blank(id, layer, 'group', `${side === 'host' ? 'Hosts' : 'Targets'} on ${e.port ?? '?'}`, flowsPath({ port: e.port })), state: `1 ${side}`, port: e.port }
      : { ...blank(id, layer, 'end', e.name, flowsPath({ [q]: e.wwpn ?? '-' })), wwpn: e.wwpn, port: e.port, ...loginState(e.login) };
    nodes.set(id, { ...node, members: 1 });
  }
  return [...nodes.values()].map(({ members: _, ...node }) => node);
}

/** portNodes: a port stands on the side of those whose frames come in by it; one without flows stands where its role says. */
function portNodes(s: Sources, links: Iterable<Link>): Node[] {
  const wanted = new Set<string>();
  for (const l of links) for (const stop of l.stops) if (/^(in|out):/.test(stop)) wanted.add(stop);
  for (const p of s.ports) {
    if (p.role === 'service' || wanted.has(`in:${p.name}`) || wanted.has(`out:${p.name}`)) continue;
    wanted.add(portId(p.role === 'edge' ? 'host' : 'target', p.name));
  }
  const known = new Map(s.ports.map((p) => [p.name, p]));
  return [...wanted].map((id) => {
    const name = id.slice(id.indexOf(':') + 1);
    const [port, now] = [known.get(name), s.portsNow.get(name)];
    const node = blank(id, id.startsWith('in:') ? 1 : 3, 'port', name === '?' ? 'port not known' : name, flowsPath({ port: name === '?' ? undefined : name }));
    const up = now?.up ?? port?.up;
    if (up !== undefined) Object.assign(node, up ? { tone: 'good', state: 'link up' } : { tone: 'bad', state: 'link down' });
    else node.state = 'state not known';
    return { ...node, rate: now?.rate };
  });
}

function serviceNodes(s: Sources, links: Iterable<Link>): Node[] {
  const used = new Set(s.services.map((x) => x.name ?? ''));
  for (const l of links) if (l.service !== undefined) used.add(l.service);
  const known = new Map(s.services.map((x) => [x.name ?? '', x]));
  return [...used].filter((n) => n !== '').map((name) => {
    const service = known.get(name);
    const node = blank(`service:${name}`, 2, 'service', name, flowsPath({ service: name }));
    const up = s.servicesNow.get(name) ?? (service?.state === 'up' ? true : service?.state === 'down' ? false : undefined);
    if (up === undefined) return { ...node, state: 'state not known' };
    if (up) return { ...node, tone: 'good', state: service?.mode === 'mirror' ? 'up, gets copies' : 'up' };
    if (service?.mode === 'mirror') return { ...node, tone: 'bad', state: 'down, no copies' };
    return { ...node, tone: 'bad', state: service?.on_failure === 'block' ? 'down, flows blocked' : 'down, flows bypass it' };
  });
}

/** count gives nodes what goes through them. A port has its own rate: the one that its counters say. */
function count(nodes: readonly Node[], links: Iterable<Link>): void {
  const byId = new Map(nodes.map((n) => [n.id, n]));
  for (const l of links) {
    const at = new Set(l.stops);
    if (l.copy !== undefined) at.add(l.copy);
    else if (l.course === 'bypassed' && l.service !== undefined) at.add(`service:${l.service}`);
    for (const id of at) {
      const n = byId.get(id);
      if (n === undefined) continue;
      n.flows += l.flows;
      if (n.kind !== 'port' && !(n.kind === 'service' && l.course === 'bypassed')) n.rate = sum(n.rate, l.rate);
    }
  }
}

/** group decides which sides are shown by port. */
function group(s: Sources, hosts: number, targets: number): { grouped: Grouped; links: Map<string, Link> } {
  const grouped = { host: hosts > mostEnds, target: targets > mostEnds };
  let links = makeLinks(s.flows, grouped);
  while (links.size > mostLinks && !(grouped.host && grouped.target)) {
    if (!grouped.host && (grouped.target || hosts >= targets)) grouped.host = true;
    else grouped.target = true;
    links = makeLinks(s.flows, grouped);
  }
  return { grouped, links };
}

/** build makes the topology of what the appliance says. */
export function build(s: Sources): Topology {
  const [hosts, targets] = [endsOf(s, 'host'), endsOf(s, 'target')];
  const { grouped, links } = group(s, hosts.size, targets.size);
  const all = [...links.values()];
  const nodes = [...endNodes(hosts, 'host', grouped.host), ...portNodes(s, all), ...serviceNodes(s, all), ...endNodes(targets, 'target', grouped.target)];
  if (all.some((l) => l.stops.includes('direct'))) {
    nodes.push({ ...blank('direct', 2, 'direct', 'Direct path', flowsPath({ verdict: 'forward' })), tone: 'good', state: 'no service' });
  }
  // A target that only blocked flows go to is there, though no link reaches it.
  count(nodes, all);
  for (const n of nodes) n.label = nodeLabel(n);
  const redirected = s.flows.filter((f) => courseOf(f) === 'redirected');
  const rate = (of: readonly Schema['Flow'][]) => of.reduce((a, f) => a + (f.bytes_per_second ?? 0), 0);
  return {
    nodes,
    links: all,
    flows: s.flows.length,
    redirected: redirected.length,
    rate: rate(s.flows),
    redirectedRate: rate(redirected),
    more: Math.max(0, (s.total ?? s.flows.length) - s.flows.length),
  };
}
