import { bitRate, count, plural, share } from '../components/format';
import type { Course, Link, Node, Topology } from './model';

/** What the topology says in words: names of links and nodes, for those who point, focus, or listen. */

export const courseText: Record<Course, string> = {
  direct: 'direct',
  redirected: 'redirected',
  copied: 'copied',
  bypassed: 'bypasses its service',
  blocked: 'blocked',
  dropped: 'dropped',
};

const way: Record<Course, (l: Pick<Link, 'service' | 'policy'>) => string> = {
  direct: () => 'directly',
  redirected: (l) => `through ${l.service ?? 'a service'}`,
  copied: (l) => `directly, with copies to ${l.service ?? 'a service'}`,
  bypassed: (l) => `past ${l.service ?? 'a service'}, which cannot be used`,
  blocked: (l) => `blocked, because ${l.service ?? 'its service'} cannot be used`,
  dropped: (l) => (l.policy === undefined ? 'dropped by policy' : `dropped by policy ${l.policy}`),
};

export const rateWords = (rate: number | undefined): string => (rate === undefined ? 'rate not known yet' : bitRate(rate));

/** wayWords is how frames of a link go: "through inspect". */
export const wayWords = (l: Pick<Link, 'course' | 'service' | 'policy'>): string => way[l.course](l);

/** linkWords is "host-1 to array-a through inspect, 12.3 Mbit/s". */
export function linkWords(l: Omit<Link, 'label'>): string {
  const flows = l.flows === 1 ? '' : `, ${plural(l.flows, 'flow')}`;
  return `${l.host} to ${l.target} ${wayWords(l)}${flows}, ${rateWords(l.rate)}`;
}

const what: Record<Node['kind'], (n: Pick<Node, 'layer'>) => string> = {
  end: (n) => (n.layer === 0 ? 'Host' : 'Target'),
  group: () => '',
  port: (n) => (n.layer === 1 ? 'Edge port' : 'Fabric port'),
  service: () => 'Service',
  direct: () => '',
};

const flowsOf = (n: Omit<Node, 'label'>): string => (n.flows === 0 ? 'no flows' : plural(n.flows, 'flow'));

/** nodeLines is what is drawn of a node. */
export function nodeLines(n: Omit<Node, 'label'>): [name: string, state: string, load: string] {
  if (n.rate === undefined) return [n.name, n.state, flowsOf(n)];
  return [n.name, n.state, n.kind === 'port' ? bitRate(n.rate) : `${flowsOf(n)}, ${bitRate(n.rate)}`];
}

/**
 * nodeLabel is all of a node in a sentence. It has what is drawn as it is drawn, one behind the other: who speaks to the
 * computer says what stands there.
 */
export function nodeLabel(n: Omit<Node, 'label'>): string {
  const kind = what[n.kind](n);
  const [name, ...drawn] = nodeLines(n);
  const port = n.kind === 'port' && n.rate !== undefined ? [`in and out, ${flowsOf(n)}`] : [];
  const also = n.wwpn === undefined || n.wwpn === n.name ? [] : [n.wwpn];
  const parts = [kind === '' ? name : `${kind} ${name}`, ...drawn, ...also].filter((t) => t !== '').join(', ');
  return [parts, ...port].join(' ');
}

/** summary is the state of all in a sentence. */
export function summary(t: Topology): string {
  if (t.flows === 0) return 'No flows yet.';
  const some = t.more > 0 ? `The ${count(t.flows)} heaviest flows` : plural(t.flows, 'flow');
  const all = `${some} ${t.flows === 1 && t.more === 0 ? 'carries' : 'carry'} ${bitRate(t.rate)}.`;
  if (t.redirected === 0) return `${all} None is redirected.`;
  const part = t.rate > 0 ? `, ${share(t.redirectedRate / t.rate)} of it` : '';
  return `${all} Redirected through services: ${plural(t.redirected, 'flow')} with ${bitRate(t.redirectedRate)}${part}.`;
}

/** What is wide in most fonts: Chinese, Japanese, Korean, emoji. */
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

const isWwpn = /^([0-9a-f]{2}:){7}[0-9a-f]{2}$/;

/**
 * cut keeps what has room, in columns of a usual letter: both ends of a name, since names of one site begin alike; the end of a
 * WWPN, for the same reason. Letters with their marks stay whole.
 */
export function cut(text: string, columns: number): string {
  const letters = [...graphemes.segment(text)].map((s) => s.segment);
  const size = (l: string) => (wide.test(l) ? 2 : 1);
  if (letters.reduce((n, l) => n + size(l), 0) <= columns) return text;
  const take = (from: readonly string[], room: number): string[] => {
    const kept: string[] = [];
    for (const l of from) {
      room -= size(l);
      if (room < 0) break;
      kept.push(l);
    }
    return kept;
  };
  const room = columns - 1;
  const head = isWwpn.test(text) ? [] : take(letters, Math.ceil(room * 0.6));
  const tail = take(letters.slice(head.length).reverse(), room - head.reduce((n, l) => n + size(l), 0)).reverse();
  return head.join('').trimEnd() + '…' + tail.join('').trimStart();
}
