import type { Schema } from '../../api/client';

export type Flow = Schema['Flow'];

/** A row of the list. gone: it has left the list, and keeps its place until the list is put in order again. */
export interface FlowRow {
  flow: Flow;
  gone: boolean;
}

export type Compare = (a: Flow, b: Flow) => number;

const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const shown = (alias: string | undefined, wwpn: string | undefined) => alias ?? wwpn ?? '';
const time = (t: string | undefined) => (t === undefined ? 0 : Date.parse(t));
const initiator = (f: Flow) => shown(f.initiator_alias, f.initiator);
const target = (f: Flow) => shown(f.target_alias, f.target);

/** The appliance's order of a flow's key: fabric, VSAN, FC_IDs. */
const byKey: Compare = (a, b) => a.fabric - b.fabric || a.vsan - b.vsan || text(a.initiator_id ?? '', b.initiator_id ?? '') || text(a.target_id ?? '', b.target_id ?? '') || text(a.id, b.id);

const verdicts = ['forward', 'redirect', 'mirror', 'drop'];
const states = ['active', 'bypassed', 'blocked', 'waiting'];

/**
 * rankOf is a place for each name by where it first stands in a list that the appliance has put in order: policies and
 * services are sorted by numbers that it does not tell. Names that were not there go to the end.
 */
function rankOf(list: readonly Flow[], name: (f: Flow) => string, down: boolean): (f: Flow) => number {
  const places = new Map<string, number>();
  for (const f of list) if (!places.has(name(f))) places.set(name(f), places.size);
  const sign = down ? -1 : 1;
  return (f) => sign * (places.get(name(f)) ?? places.size);
}

function by(field: string, list: readonly Flow[], down: boolean): Compare {
  const number = (of: (f: Flow) => number): Compare => (a, b) => of(a) - of(b);
  switch (field) {
    case 'initiator':
      return (a, b) => text(initiator(a), initiator(b)) || text(target(a), target(b));
    case 'target':
      return (a, b) => text(target(a), target(b)) || text(initiator(a), initiator(b));
    case 'verdict':
      return number((f) => verdicts.indexOf(f.verdict));
    case 'state':
      return number((f) => states.indexOf(f.state));
    case 'policy':
      return number(rankOf(list, (f) => f.policy ?? '', down));
    case 'service':
      return number(rankOf(list, (f) => f.service ?? '', down));
    case 'frames':
      return number((f) => f.frames_to_target + f.frames_to_initiator);
    case 'bytes':
      return number((f) => f.bytes_to_target + f.bytes_to_initiator);
    case 'errors':
      return number((f) => f.errors);
    case 'frame_rate':
      return number((f) => f.frames_per_second ?? 0);
    case 'byte_rate':
      return number((f) => f.bytes_per_second ?? 0);
    case 'last_seen':
      return number((f) => time(f.last_seen));
    case 'created':
      return number((f) => time(f.created));
    default:
      return byKey;
  }
}

/** comparing is the order that the appliance has for a sort. list is one that came in that order. */
export function comparing(sort: string, list: readonly Flow[]): Compare {
  const down = sort.startsWith('-');
  const compare = by(down ? sort.slice(1) : sort, list, down);
  return (a, b) => (down ? compare(b, a) : compare(a, b)) || byKey(a, b);
}

/**
 * Arranger puts the flows of now into rows. While it is held, rows keep their places: what has left the list stays as gone,
 * what is new goes to the end. So nothing jumps away from under a pointer. Rows of flows that did not change are the same
 * objects as before.
 */
export class Arranger {
  private rows: readonly FlowRow[] = [];
  private last: { flows: readonly Flow[]; compare: Compare; hold: boolean } | undefined;

  take(flows: readonly Flow[], compare: Compare, hold: boolean): readonly FlowRow[] {
    const last = this.last;
    if (last !== undefined && last.flows === flows && last.compare === compare && last.hold === hold) return this.rows;
    const held = hold && last !== undefined && last.compare === compare && this.rows.length > 0;
    this.last = { flows, compare, hold };
    const before = new Map(this.rows.map((r) => [r.flow.id, r]));
    const row = (flow: Flow, gone: boolean): FlowRow => {
      const was = before.get(flow.id);
      return was !== undefined && was.flow === flow && was.gone === gone ? was : { flow, gone };
    };
    if (!held) {
      this.rows = [...flows].sort(compare).map((f) => row(f, false));
      return this.rows;
    }
    const now = new Map(flows.map((f) => [f.id, f]));
    const kept = this.rows.map((r) => {
      const flow = now.get(r.flow.id);
      now.delete(r.flow.id);
      return flow === undefined ? row(r.flow, true) : row(flow, false);
    });
    this.rows = [...kept, ...[...now.values()].sort(compare).map((f) => row(f, false))];
    return this.rows;
  }
}

/** joined is the live first part of a list with what was loaded behind it. Each flow is there once. */
export function joined(first: readonly Flow[], later: readonly (readonly Flow[])[]): readonly Flow[] {
  if (later.length === 0) return first;
  const seen = new Set(first.map((f) => f.id));
  const out = [...first];
  for (const page of later) {
    for (const f of page) {
      if (seen.has(f.id)) continue;
      seen.add(f.id);
      out.push(f);
    }
  }
  return out;
}
