/** The messages of the stream (subprotocol fcr.v1), and what they carry. The appliance's mgmt/hub has the other end. */

export interface StreamProblem {
  code: string;
  title: string;
  detail?: string;
}

export interface Message {
  v: number;
  id?: string;
  n?: number;
  kind: string;
  at: string;
  data?: unknown;
  problem?: StreamProblem;
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null;

/** isMessage says whether it is one, of our version. */
export function isMessage(v: unknown): v is Message {
  if (!isObject(v) || v['v'] !== 1 || typeof v['kind'] !== 'string' || typeof v['at'] !== 'string') return false;
  const data = v['data'];
  if ((v['kind'] === 'unavailable' || v['kind'] === 'refused') && isObject(data) && typeof data['code'] === 'string' && typeof data['title'] === 'string') {
    v['problem'] = { code: data['code'], title: data['title'], detail: typeof data['detail'] === 'string' ? data['detail'] : undefined };
  }
  return v['id'] === undefined || typeof v['id'] === 'string';
}

/** What topic samples carries: counters and rates of now. */
export interface LiveSample {
  at: string;
  boot: string;
  alive: boolean;
  generation: number;
  policy?: string;
  total?: {
    frames_per_second: number;
    bytes_per_second: number;
    redirected_per_second: number;
    mirrored_per_second: number;
    dropped_per_second: number;
  };
  ports: LivePort[];
  lcores: LiveLcore[];
  services: { name: string; up: boolean }[];
  rings: LiveRing[];
}

export interface LivePort {
  name: string;
  up: boolean;
  frames_in: number;
  bytes_in: number;
  frames_out: number;
  bytes_out: number;
  dropped: number;
  device_errors: number;
  rates?: { frames_in: number; bytes_in: number; frames_out: number; bytes_out: number; dropped: number };
}

export interface LiveLcore {
  index: number;
  frames: number;
  directions: number;
  stalls: number;
  busy?: number;
  frames_per_second?: number;
  latency_p50_us?: number;
  latency_p99_us?: number;
  latency_p9999_us?: number;
}

export interface LiveRing {
  consumer: string;
  shard: number;
  producer: number;
  depth: number;
  items: number;
  offered: number;
  conflated: number;
  lost: number;
}

/** isSample is a check of shape, not of each number: both ends are built from one tree. */
export const isSample = (v: unknown): v is LiveSample => isObject(v) && typeof v['at'] === 'string' && Array.isArray(v['ports']) && Array.isArray(v['lcores']);

/** A list that is followed: whole, or what changed of it. */
interface ListSnapshot<T> {
  total?: number;
  items: T[];
}
interface ListChange<T> {
  total?: number;
  added?: T[];
  changed?: T[];
  removed?: string[];
}
export const isListSnapshot = <T>(v: unknown): v is ListSnapshot<T> => isObject(v) && Array.isArray(v['items']);
export const isListChange = <T>(v: unknown): v is ListChange<T> => isObject(v) && !('items' in v);
