import type { Layout } from './layout';
import type { Link } from './model';

/** Where an arrow key leads. Links stand between the edge ports and the services, as one sees them. */

/** lanes are what the arrows know: the layers, with the links after the edge ports. */
export const lanes = (l: Layout): (readonly string[])[] => [l.columns[0] ?? [], l.columns[1] ?? [], l.threads, ...l.columns.slice(2)];

const linkLane = 2;

/** neighbours are what stands beside something in the lane on a side, by the links that go through it. */
function neighbours(id: string, lane: number, step: number, links: readonly Link[]): Set<string> {
  const found = new Set<string>();
  for (const link of links) {
    const places = [link.stops[0], link.stops[1], link.id, ...link.stops.slice(2)];
    const at = places.indexOf(id);
    if (at === lane) {
      const next = places[at + step];
      if (next !== undefined) found.add(next);
    }
    if (id === link.copy && step < 0) found.add(link.id);
  }
  return found;
}

/** move is what gets the focus by a key, or undefined when the key is not ours. */
export function move(key: string, from: string, layout: Layout, links: readonly Link[]): string | undefined {
  const all = lanes(layout);
  const lane = all.findIndex((ids) => ids.includes(from));
  const ids = all[lane];
  if (ids === undefined) return undefined;
  const at = ids.indexOf(from);
  if (key === 'ArrowUp') return ids[Math.max(0, at - 1)];
  if (key === 'ArrowDown') return ids[Math.min(ids.length - 1, at + 1)];
  if (key === 'Home') return ids[0];
  if (key === 'End') return ids.at(-1);
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') return undefined;
  const step = key === 'ArrowLeft' ? -1 : 1;
  for (let to = lane + step; to >= 0 && to < all.length; to += step) {
    const there = all[to] ?? [];
    const beside = neighbours(from, lane, to - lane, links);
    const linked = there.find((id) => beside.has(id));
    if (linked !== undefined) return linked;
    // Nothing leads there: what stands at the same height, but never a link of others.
    if (to !== linkLane && there.length > 0) return there[Math.min(at, there.length - 1)];
  }
  return from;
}
