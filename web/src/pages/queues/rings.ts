import type { Schema } from '../../api/client';
import type { ChartData } from '../../components/Chart';
import type { Tone } from '../../components/State';
import type { LiveRing, LiveSample } from '../../live';
import { ringName, type RingNow } from '../../live/history-rings';

/** A ring as the page shows it. What is undefined is not known now: the stream or the list has not said it yet. */
export interface Ring {
  name: string;
  consumer: string;
  shard: number;
  producer: number;
  depth: number;
  items: number;
  offeredRate: number | undefined;
  releasedRate: number | undefined;
  pending: number | undefined;
  conflated: number;
  lost: number;
  gaps: number | undefined;
  unreported: number | undefined;
  broken: number | undefined;
}

const ofList = (r: Schema['Ring']): Ring => ({ ...r, offeredRate: undefined, releasedRate: undefined });

/** merged are the rings of the list with what the stream knows newer, and those that only the stream has. */
export function merged(list: readonly Schema['Ring'][] | undefined, live: readonly RingNow[]): Ring[] | undefined {
  if (list === undefined && live.length === 0) return undefined;
  const byName = new Map<string, Ring>((list ?? []).map((r) => [r.name, ofList(r)]));
  for (const now of live) {
    const was = byName.get(now.name);
    byName.set(now.name, {
      name: now.name,
      consumer: now.consumer,
      shard: now.shard,
      producer: now.producer,
      depth: now.depth,
      // Samples of the time before this page was opened do not have the room of a ring.
      items: now.items > 0 ? now.items : (was?.items ?? 0),
      offeredRate: now.offeredRate,
      releasedRate: now.releasedRate,
      pending: was?.pending,
      conflated: now.conflated,
      lost: now.lost,
      gaps: was?.gaps,
      unreported: was?.unreported,
      broken: was?.broken,
    });
  }
  return [...byName.values()];
}

/** lcoresOf is how many lcores there are; without a sample the highest producer says it, which is the control goroutine. */
export const lcoresOf = (sample: LiveSample | undefined, rings: readonly Ring[]): number => sample?.lcores.length || Math.max(0, ...rings.map((r) => r.producer));

export const producerText = (producer: number, lcores: number): string => (producer >= lcores ? 'control' : `lcore ${producer}`);

/** fillOf is how full a ring is, as a part of one. */
export const fillOf = (r: Pick<Ring, 'depth' | 'items'>): number => (r.items > 0 ? r.depth / r.items : 0);

/** stateOf is what is to be known of a ring, the worst first. Counts are since the ring was made, so words are of the past. */
export function stateOf(r: Ring): { tone: Tone; text: string; more?: string } {
  if ((r.broken ?? 0) > 0) return { tone: 'bad', text: `Broken ${r.broken === 1 ? 'once' : `${r.broken} times`}`, more: 'The cursor of its reader made no sense, and it was begun anew. If the count rises, take a support bundle.' };
  if (r.lost > 0) return { tone: 'warning', text: 'Events were lost', more: 'Its reader was too slow or away. The gap records in Audit and events say where.' };
  if ((r.unreported ?? 0) > 0) return { tone: 'warning', text: 'Ends untold', more: 'Flows that ended, or logins that changed, were not told because their table needed the room.' };
  if (fillOf(r) >= 0.8) return { tone: 'warning', text: 'Nearly full', more: 'Its reader does not keep up, or is away: System shows the roles.' };
  return { tone: 'good', text: 'Well' };
}

const byName = (a: Ring, b: Ring) => a.consumer.localeCompare(b.consumer) || a.shard - b.shard || a.producer - b.producer;

/** sorted puts rings in an order as the URL has it: by 'name' or 'depth', with - before it the greatest first. lcore 2 stands before lcore 10. */
export function sorted(rings: readonly Ring[], sort: string): Ring[] {
  const down = sort.startsWith('-') ? -1 : 1;
  if (sort.replace(/^-/, '') === 'depth') return [...rings].sort((a, b) => down * (a.depth - b.depth) || byName(a, b));
  return [...rings].sort((a, b) => down * byName(a, b));
}

/** Over a longer time between samples than this no rate is made. */
const gapS = 2.5;

/** ringColumns are depth, and what came in and went out a second, of one ring over the samples. */
export function ringColumns(samples: readonly LiveSample[], name: string): ChartData {
  const times: number[] = [];
  const depth: (number | null)[] = [];
  const into: (number | null)[] = [];
  const out: (number | null)[] = [];
  let before: { at: number; boot: string; ring: LiveRing | undefined } | undefined;
  for (const s of samples) {
    const at = Date.parse(s.at) / 1000;
    const ring = s.rings.find((r) => ringName(r) === name);
    const was = before?.boot === s.boot ? before.ring : undefined;
    const seconds = before === undefined ? 0 : at - before.at;
    const rate = (of: (r: LiveRing) => number) => (ring === undefined || was === undefined || seconds <= 0 || seconds > gapS ? null : Math.max(0, of(ring) - of(was)) / seconds);
    times.push(at);
    depth.push(ring?.depth ?? null);
    into.push(rate((r) => r.offered));
    out.push(rate((r) => r.offered - r.depth));
    before = { at, boot: s.boot, ring };
  }
  return [times, depth, into, out];
}
