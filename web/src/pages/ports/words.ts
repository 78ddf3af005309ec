import type { Schema } from '../../api/client';
import type { Tone } from '../../components/State';

export type Port = Schema['Port'];
type Counters = Schema['Counters'];

export interface Figure {
  text: string;
  value: number;
}

/** What became of a frame that left on some port. */
const fates: Record<string, string> = {
  forwarded: 'Forwarded to the paired port',
  steered: 'Sent to a service',
  handed_back: 'Came back from a service and sent on',
  bypassed: 'Went past a service that is down or stalled',
  unflowed: 'Forwarded without a flow: the flow table is full',
  well_known: 'From or to a well-known or zero address',
  fip: 'FCoE Initialization Protocol',
  not_fcoe: 'Not FCoE, crossed untouched',
  nested_tag: 'A tag inside a tag, crossed untouched',
  runt: 'Shorter than 60 bytes, crossed untouched',
};

/** Why a frame was dropped. */
const drops: Record<string, string> = {
  policy: 'A policy drops it',
  blocked: 'Its service is down or stalled, and its policy blocks then',
  unmatched: 'From a service, but no flow was sent there',
  old_format: 'FCoE header of before August 2007',
  bad_version: 'FCoE version other than 0',
  bad_sof: 'Unknown start of frame',
  bad_eof: 'Unknown end of frame',
  invalid_eof: 'The sender itself marked the frame as bad',
  bad_length: 'Length is not a multiple of four, or too short for a header',
  oversize: 'Payload above 2112 bytes',
  bad_ext_header: 'Extended header that is not known or does not fit',
  loop: 'Source and destination are the same',
  segments: 'Larger than the buffers of the port',
  no_path: 'No port is paired with this one',
  standby: 'This node is the standby of its pair',
  pair: 'A frame of the pair itself: a beat or an announcement',
};

const words = (known: Record<string, string>, name: string) => known[name] ?? name.replaceAll('_', ' ');

/** figures has what happened first, the most frequent before the others; what did not happen keeps the order of its names. */
export function figures(all: readonly Figure[]): Figure[] {
  return [...all].sort((a, b) => b.value - a.value);
}

/** reasons are counts by name in words. Those that the appliance did not say are 0: it leaves out what never happened. */
function reasons(known: Record<string, string>, counts: Readonly<Record<string, number>>): Figure[] {
  const names = new Set([...Object.keys(known), ...Object.keys(counts)]);
  return figures([...names].map((n) => ({ text: words(known, n), value: counts[n] ?? 0 })));
}

export const fatesOf = (c: Pick<Counters, 'fates'>): Figure[] => reasons(fates, c.fates);
export const dropsOf = (c: Pick<Counters, 'drops'>): Figure[] => reasons(drops, c.drops);

/** troublesOf is what the device and back-pressure counted. */
export const troublesOf = (c: Counters): Figure[] =>
  figures([
    { text: 'Missed: the device had no room', value: c.missed },
    { text: 'Received with errors', value: c.rx_errors },
    { text: 'Not sent because of errors', value: c.tx_errors },
    { text: 'No buffer for a received frame', value: c.no_buffer },
    { text: 'Given up after waiting too long to be sent', value: c.tx_stalled },
    { text: 'Bursts that had to wait to be sent', value: c.tx_held },
    { text: 'Copies that were lost', value: c.mirror_lost },
    { text: 'Pause frames received: the neighbour stopped us', value: c.pauses_in },
    { text: 'Pause frames sent: we stopped the neighbour', value: c.pauses_out },
    { text: 'Changes of the link', value: c.link_changes },
  ]);

/** errorsOf is what the device counted as wrong. */
export const errorsOf = (c: Pick<Counters, 'rx_errors' | 'tx_errors' | 'missed' | 'no_buffer'>): number => c.rx_errors + c.tx_errors + c.missed + c.no_buffer;

export const happened = (all: readonly Figure[]): Figure[] => all.filter((f) => f.value > 0);

export const linkOf = (up: boolean): { tone: Tone; text: string } => (up ? { tone: 'good', text: 'Up' } : { tone: 'bad', text: 'Down' });

/** speedOf is the speed of a link in the unit that is printed on it. */
export function speedOf(mbps: number): string {
  if (mbps <= 0) return 'not known';
  return mbps >= 1000 ? `${mbps / 1000} Gbit/s` : `${mbps} Mbit/s`;
}

/** withoutLink is what follows when a port has no link. */
export function withoutLink(p: Pick<Port, 'name' | 'role' | 'pair'>): string {
  if (p.role === 'service') return 'The service behind it cannot be used: what is redirected to it goes past it or is blocked, as its policy says. Look at its cable and at the machine that offers the service.';
  const whom = p.role === 'edge' ? 'Hosts' : 'Hosts that reach storage through it';
  const pair = p.pair === undefined ? 'No frame crosses it' : `No frame crosses between ${p.name} and ${p.pair}`;
  return `${pair}. ${whom} use their other paths if they have any. Look at cable, optic and the port at the other end.`;
}
