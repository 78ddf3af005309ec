import type { Schema } from '../../api/client';
import { bytes, count, duration, plural } from '../../components/format';
import type { Tone } from '../../components/State';

export type Capture = Schema['Capture'];
type Filter = Schema['FrameFilter'];

const states: Record<Capture['state'], { tone: Tone; text: string }> = {
  running: { tone: 'info', text: 'running' },
  stopping: { tone: 'info', text: 'stopping' },
  complete: { tone: 'good', text: 'complete' },
  interrupted: { tone: 'warning', text: 'interrupted' },
};

export const stateOf = (c: Capture) => states[c.state];

export const isOver = (c: Capture): boolean => c.state === 'complete' || c.state === 'interrupted';

/** filterText says which frames a capture is about. */
export function filterText(f: Filter): string {
  const parts: string[] = [];
  const list = (name: string, of: string[] | undefined) => {
    if (of !== undefined && of.length > 0) parts.push(`${name} ${of.join(', ')}`);
  };
  if (f.flow !== undefined) parts.push(`flow ${f.flow}`);
  list(
    'ends',
    f.ends?.map((e) => e.wwpn ?? e.fc_id ?? '?'),
  );
  list('port', f.ports);
  list('type', f.types);
  list('R_CTL', f.r_ctls);
  list('fate', f.verdicts);
  if (f.vsan !== undefined) parts.push(`VSAN ${f.vsan}`);
  if (f.fabric !== undefined) parts.push(`fabric ${f.fabric}`);
  if (f.one_way === true) parts.push('one way');
  return parts.length === 0 ? 'all frames' : parts.join('; ');
}

/** missedText says how many frames were wanted and are not there, and why. */
export function missedText(c: Capture): string {
  if (c.missed === 0) return 'none';
  const budget = c.missed - c.missed_ring_full;
  const why = [budget > 0 ? `${count(budget)} beyond the budget of copies` : '', c.missed_ring_full > 0 ? `${count(c.missed_ring_full)} found the ring full` : ''].filter((w) => w !== '');
  return `${count(c.missed)}: ${why.join(', ')}`;
}

/** part is how much of the nearest limit is used, from 0 to 1. */
export function part(c: Capture, now: number): number {
  const { limits } = c;
  const of = (used: number, limit: number | undefined) => (limit === undefined || limit === 0 ? 0 : used / limit);
  const seconds = (Date.parse(c.ended ?? new Date(now).toISOString()) - Date.parse(c.started)) / 1000;
  return Math.min(1, Math.max(of(c.bytes, limits.bytes), of(c.frames, limits.frames), of(seconds, limits.seconds)));
}

/** limitsText is when it is enough. */
export function limitsText(l: Schema['CaptureLimits']): string {
  const parts = [l.seconds ? duration(l.seconds) : '', l.frames ? plural(l.frames, 'frame') : '', l.bytes ? bytes(l.bytes) : ''].filter((p) => p !== '');
  return parts.length === 0 ? 'no limit' : parts.join(' or ');
}

/** fileName is what a download is called: when it began and its id, which sorts. */
export const fileName = (c: Capture): string => `${c.started.slice(0, 19).replaceAll(':', '').replace('T', '-')}-${c.id}.pcapng`;

/** What a form has, all as text. */
export interface Draft {
  flow: string;
  ports: string;
  first: string;
  second: string;
  types: string;
  verdicts: string;
  vsan: string;
  seconds: string;
  frames: string;
  mib: string;
  snap: string;
  note: string;
}

export const usual: Draft = { flow: '', ports: '', first: '', second: '', types: '', verdicts: '', vsan: '', seconds: '60', frames: '', mib: '16', snap: '', note: '' };

const words = (text: string): string[] => text.split(/[\s,]+/).filter((w) => w !== '');
const isFcId = (text: string): boolean => /^0x[0-9a-f]{1,6}$/i.test(text);
const end = (text: string): Schema['FrameEnd'] => (isFcId(text) ? { fc_id: text } : { wwpn: text });

/** startOf makes the request. Numbers that are none are said by name; the appliance judges the rest. */
export function startOf(d: Draft): { body: Schema['CaptureStart'] } | { wrong: keyof Draft } {
  const whole = (text: string): number | undefined => (/^\d{1,12}$/.test(text.trim()) ? Number(text.trim()) : undefined);
  for (const name of ['seconds', 'frames', 'mib', 'snap', 'vsan'] as const) if (d[name].trim() !== '' && whole(d[name]) === undefined) return { wrong: name };
  const ends = [d.first, d.second].map((e) => e.trim()).filter((e) => e !== '').map(end);
  const vsan = whole(d.vsan);
  const filter: Filter = {
    ...(d.flow.trim() === '' ? {} : { flow: d.flow.trim() }),
    ...(words(d.ports).length === 0 ? {} : { ports: words(d.ports) }),
    ...(ends.length === 0 ? {} : { ends }),
    ...(words(d.types).length === 0 ? {} : { types: words(d.types) }),
    ...(words(d.verdicts).length === 0 ? {} : { verdicts: words(d.verdicts) }),
    ...(vsan === undefined ? {} : { vsan }),
  };
  const mib = whole(d.mib);
  const [seconds, frames, snap] = [whole(d.seconds), whole(d.frames), whole(d.snap)];
  return {
    body: {
      ...(Object.keys(filter).length === 0 ? {} : { filter }),
      limits: {
        ...(seconds === undefined ? {} : { seconds }),
        ...(frames === undefined ? {} : { frames }),
        ...(mib === undefined ? {} : { bytes: mib * 2 ** 20 }),
      },
      ...(snap === undefined ? {} : { snap_length: snap }),
      ...(d.note.trim() === '' ? {} : { note: d.note.trim() }),
    },
  };
}
