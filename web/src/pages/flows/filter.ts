import type { Schema } from '../../api/client';
import type { paths } from '../../api/schema';
import type { FilterField } from '../../components/FilterBar';
import { quote } from '../../components/quote';
import type { Suggestion } from '../../components/Suggest';
import { unnamed } from '../aliases/names';

/** The state of the list in the URL. Its names are those of GET /api/v1/flows, so that an address reads like the request. */
export const usual = {
  text: '',
  initiator: '',
  target: '',
  end: '',
  verdict: '',
  state: '',
  policy: '',
  service: '',
  port: '',
  vsan: '',
  fabric: '',
  static: '',
  min_bytes_per_second: '',
  min_frames_per_second: '',
  min_bytes: '',
  min_frames: '',
  min_errors: '',
  seen_since: '',
  seen_before: '',
  created_since: '',
};

export type FilterKey = keyof typeof usual;
export type FlowFilter = Record<FilterKey, string>;

type Asked = NonNullable<paths['/api/v1/flows']['get']['parameters']['query']>;
export type FlowQuery = Omit<Asked, 'limit' | 'cursor' | 'sort'>;

const verdicts = ['forward', 'redirect', 'mirror', 'drop'] as const;
const states = ['active', 'bypassed', 'blocked'] as const;

/** some are those of a list with commas that may be said. */
function some<T extends string>(list: string, known: readonly T[]): T[] | undefined {
  const said = list.split(',');
  const out = known.filter((k) => said.includes(k));
  return out.length === 0 ? undefined : out;
}

/** whole reads a number without a fraction up to most; undefined for what is none. */
function whole(text: string, most = Number.MAX_SAFE_INTEGER): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const n = Number(text);
  return n <= most ? n : undefined;
}

const factors: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, ki: 1024, mi: 1024 ** 2, gi: 1024 ** 3 };

/** amount reads 1500000, 1.5M, 64 KiB. */
export function amount(text: string): number | undefined {
  const m = /^(\d+(?:\.\d+)?)\s*([kmg]i?)?(?:b(?:\/s)?)?$/i.exec(text.trim());
  const factor = m === null ? undefined : factors[(m[2] ?? '').toLowerCase()];
  if (m === null || factor === undefined) return undefined;
  const n = Number(m[1]) * factor;
  return n <= Number.MAX_SAFE_INTEGER ? n : undefined;
}

const rounded = (text: string) => {
  const n = amount(text);
  return n === undefined ? undefined : Math.round(n);
};

const moment = (text: string) => (text === '' || Number.isNaN(Date.parse(text)) ? undefined : new Date(text).toISOString());

const orNothing = (text: string) => (text === '' ? undefined : text);

/** toQuery is what REST is asked. What cannot be understood is not asked; its chip says so. */
export function toQuery(f: FlowFilter): FlowQuery {
  return {
    text: orNothing(f.text),
    initiator: orNothing(f.initiator),
    target: orNothing(f.target),
    end: orNothing(f.end),
    verdict: some(f.verdict, verdicts),
    state: some(f.state, states),
    policy: orNothing(f.policy),
    service: orNothing(f.service),
    port: orNothing(f.port),
    vsan: whole(f.vsan, 4095),
    fabric: whole(f.fabric, 15),
    static: f.static === 'true' ? true : f.static === 'false' ? false : undefined,
    min_bytes_per_second: amount(f.min_bytes_per_second),
    min_frames_per_second: amount(f.min_frames_per_second),
    min_bytes: rounded(f.min_bytes),
    min_frames: rounded(f.min_frames),
    min_errors: rounded(f.min_errors),
    seen_since: moment(f.seen_since),
    seen_before: moment(f.seen_before),
    created_since: moment(f.created_since),
  };
}

/** toStream is the same for the live stream, which has some names of its own (mgmt/flowindex, Filter). */
export function toStream(q: FlowQuery): Record<string, unknown> {
  const { verdict, state, min_bytes_per_second, min_frames_per_second, ...same } = q;
  const all = { ...same, verdicts: verdict, states: state, min_byte_rate: min_bytes_per_second, min_frame_rate: min_frames_per_second };
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined));
}

/** toCommand is the same for fcrctl, whose export takes every filter. */
export function toCommand(q: FlowQuery): string {
  const flags = Object.entries(q)
    .filter(([, v]) => v !== undefined)
    .map(([k, v]) => (v === true ? `--${k.replaceAll('_', '-')}` : quote(`--${k.replaceAll('_', '-')}=${String(v)}`)));
  return ['flow export --format csv', ...flags].join(' ');
}

const notWhole = (most?: number) => (text: string) => (whole(text, most) === undefined ? `not a number${most === undefined ? '' : ` from 0 to ${most}`}` : undefined);
const noAmount = (text: string) => (amount(text) === undefined ? 'not a number' : undefined);
const noMoment = (text: string) => (moment(text) === undefined ? 'not a time' : undefined);
const notOf = (known: readonly string[]) => (text: string) => (some(text, known) === undefined ? 'unknown' : undefined);

export interface Known {
  /** Ports of hosts and arrays, one by one. */
  nPorts: readonly Suggestion[];
  /** The same, and sets of them. */
  ends: readonly Suggestion[];
  policies: readonly Suggestion[];
  services: readonly Suggestion[];
  ports: readonly Suggestion[];
}

/** nPortsOf are the ports that can be said one by one: those with an alias, and who is logged in without one. */
export const nPortsOf = (aliases: readonly Schema['AliasItem'][] = [], logins: readonly Schema['Login'][] = []): Suggestion[] => [
  ...aliases.map((a) => ({ value: a.name ?? '', text: a.wwpn })),
  ...unnamed(logins, aliases).map((l) => ({ value: l.wwpn, text: 'logged in' })),
];

const option = (value: string) => ({ value, label: value });
const end = 'An alias, a WWPN, a set, a mask, or - for unknown.';

/** fieldsOf are the fields of the filter bar, in the order of how often they are used. */
export const fieldsOf = (known: Known): FilterField<FilterKey>[] => [
  { id: 'initiator', label: 'Initiator', kind: 'text', suggestions: known.ends, hint: end },
  { id: 'target', label: 'Target', kind: 'text', suggestions: known.ends },
  { id: 'end', label: 'Initiator or target', kind: 'text', suggestions: known.ends },
  { id: 'verdict', label: 'Verdict', kind: 'choices', options: verdicts.map(option), wrong: notOf(verdicts) },
  { id: 'state', label: 'State', kind: 'choices', options: states.map(option), wrong: notOf(states) },
  { id: 'policy', label: 'Policy', kind: 'text', suggestions: known.policies, hint: '- for none.' },
  { id: 'service', label: 'Service', kind: 'text', suggestions: known.services, hint: '- for none.' },
  { id: 'port', label: 'Port', kind: 'text', suggestions: known.ports },
  { id: 'vsan', label: 'VSAN', kind: 'number', wrong: notWhole(4095), hint: '0 is untagged.' },
  { id: 'fabric', label: 'Fabric', kind: 'number', wrong: notWhole(15) },
  {
    id: 'static',
    label: 'Created ahead',
    kind: 'choice',
    options: [
      { value: 'true', label: 'Yes' },
      { value: 'false', label: 'No' },
    ],
    wrong: (v) => (v === 'true' || v === 'false' ? undefined : 'unknown'),
  },
  { id: 'min_bytes_per_second', label: 'Bytes/s at least', kind: 'number', wrong: noAmount, hint: 'As 5M or 64Ki.' },
  { id: 'min_frames_per_second', label: 'Frames/s at least', kind: 'number', wrong: noAmount },
  { id: 'min_bytes', label: 'Bytes at least', kind: 'number', wrong: noAmount },
  { id: 'min_frames', label: 'Frames at least', kind: 'number', wrong: noAmount },
  { id: 'min_errors', label: 'Errors at least', kind: 'number', wrong: noAmount },
  { id: 'seen_since', label: 'Seen since', kind: 'time', wrong: noMoment },
  { id: 'seen_before', label: 'Not seen since', kind: 'time', wrong: noMoment },
  { id: 'created_since', label: 'Began since', kind: 'time', wrong: noMoment },
];
