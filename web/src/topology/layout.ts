import { layers, type Link, type Node, type Topology } from './model';

/**
 * Where everything stands. It depends on what there is and on the width, never on rates: while only rates change, nothing moves
 * and nothing is computed (layoutKey). Links leave and enter a node in slots, each in the order of where it comes from or goes
 * to, so that they do not cross between two layers without need.
 */

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Route {
  /** Of a path element. */
  d: string;
  /** Where the rate stands, before the last node. */
  x: number;
  y: number;
  /** Where a link that is not let through ends. */
  end?: { x: number; y: number };
}

export interface Layout {
  width: number;
  height: number;
  boxes: ReadonlyMap<string, Box>;
  routes: ReadonlyMap<string, Route>;
  /** Ids of nodes by layer, from above; and of links, as they leave the edge ports: the order of the keyboard. */
  columns: readonly (readonly string[])[];
  threads: readonly string[];
  titles: readonly { x: number; text: string }[];
  /** Pixels between two slots, which bounds how wide a link may be drawn. */
  pitch: number;
}

export const narrowest = 960;
export const widest = 1800;
/** How wide nodes are: those at the ends, where names are long, get a part of what there is more. */
const widthsOf = (width: number): readonly number[] => {
  const end = Math.min(250, 152 + (width - narrowest) * 0.12);
  return [end, 106, Math.min(200, end), 106, end];
};
const top = 40;
const margin = 8;
const gap = 14;
const lowest = 62;
const stub = 26;

const betweenOf = (width: number): number => (width - 2 * margin - widthsOf(width).reduce((a, b) => a + b, 0)) / (layers.length - 1);

/** layoutKey names the set: while it is the same, so is the layout. */
export const layoutKey = (t: Topology): string => t.nodes.map((n) => n.id + '\u0001' + n.name).join('\u0002') + '\u0003' + t.links.map((l) => l.id).join('\u0002');

const pitchOf = (links: number): number => (links <= 16 ? 18 : links <= 32 ? 12 : links <= 80 ? 7 : 4);

const byName = new Intl.Collator('en', { numeric: true });

/** order sorts the nodes of each layer: ends by their port, everything by name; the direct path below the services. */
function order(t: Topology): Node[][] {
  const columns = layers.map((_, i) => t.nodes.filter((n) => n.layer === i));
  for (const column of columns) {
    const first = (n: Node) => (n.kind === 'direct' ? '\uffff' : n.kind === 'port' || n.kind === 'service' ? '' : (n.port ?? '\uffff'));
    column.sort((a, b) => byName.compare(first(a), first(b)) || byName.compare(a.name, b.name) || byName.compare(a.id, b.id));
  }
  return columns;
}

/** A place where a link touches a node: coming in from the left, or going out to the right. */
interface Touch {
  link: Link;
  /** The other node, whose height decides the order; nothing for an end that leads nowhere. */
  other: string | undefined;
}

interface Touches {
  left: Map<string, Touch[]>;
  right: Map<string, Touch[]>;
}

const add = (into: Map<string, Touch[]>, node: string, touch: Touch) => {
  const list = into.get(node);
  if (list === undefined) into.set(node, [touch]);
  else list.push(touch);
};

function touchesOf(links: readonly Link[]): Touches {
  const t: Touches = { left: new Map(), right: new Map() };
  for (const link of links) {
    link.stops.forEach((stop, i) => {
      if (i > 0) add(t.left, stop, { link, other: link.stops[i - 1] });
      if (i < link.stops.length - 1) add(t.right, stop, { link, other: link.stops[i + 1] });
    });
    const inPort = link.stops[1];
    if (link.copy !== undefined && inPort !== undefined) add(t.left, link.copy, { link, other: inPort });
    // What is dropped has a slot of its own on the right of its port, for its short end.
    if (link.stops.length === 2 && inPort !== undefined) add(t.right, inPort, { link, other: undefined });
  }
  return t;
}

function place(columns: readonly Node[][], touches: Touches, width: number, pitch: number): { boxes: Map<string, Box>; height: number } {
  const boxes = new Map<string, Box>();
  const widths = widthsOf(width);
  const between = betweenOf(width);
  const heightOf = (n: Node) => Math.max(lowest, 16 + pitch * Math.max(touches.left.get(n.id)?.length ?? 0, touches.right.get(n.id)?.length ?? 0));
  const heights = columns.map((c) => c.reduce((h, n) => h + heightOf(n), 0) + gap * Math.max(0, c.length - 1));
  const highest = Math.max(lowest, ...heights);
  let x = margin;
  columns.forEach((column, i) => {
    const w = widths[i] ?? 0;
    let y = top + (highest - (heights[i] ?? 0)) / 2;
    for (const n of column) {
      const h = heightOf(n);
      boxes.set(n.id, { x, y, w, h });
      y += h + gap;
    }
    x += w + between;
  });
  return { boxes, height: top + highest + margin };
}

/**
 * slots gives each touch its height: in the order in which the other nodes stand. Links between the same two nodes have the
 * same order on both sides, so that they run beside each other.
 */
function slots(touches: Map<string, Touch[]>, boxes: ReadonlyMap<string, Box>, pitch: number): Map<string, Map<string, number>> {
  const middle = (id: string | undefined) => {
    const box = id === undefined ? undefined : boxes.get(id);
    return box === undefined ? Infinity : box.y + box.h / 2;
  };
  const out = new Map<string, Map<string, number>>();
  for (const [node, list] of touches) {
    list.sort((a, b) => {
      const places = (t: Touch) => [t.other, t.link.stops[2], t.link.stops[4], t.link.stops[0]].map(middle);
      const [ya, yb] = [places(a), places(b)];
      for (const [i, y] of ya.entries()) {
        const z = yb[i] ?? 0;
        if (y !== z) return y < z ? -1 : 1;
      }
      return a.link.id < b.link.id ? -1 : 1;
    });
    const box = boxes.get(node);
    if (box === undefined) continue;
    const first = box.y + box.h / 2 - ((list.length - 1) * pitch) / 2;
    out.set(node, new Map(list.map((touch, i) => [touch.link.id, first + i * pitch])));
  }
  return out;
}

const r = (v: number): string => (Math.round(v * 10) / 10).toString();
const curve = (x1: number, y1: number, x2: number, y2: number): string => {
  const bend = (x2 - x1) / 2;
  return `M${r(x1)} ${r(y1)}C${r(x1 + bend)} ${r(y1)} ${r(x2 - bend)} ${r(y2)} ${r(x2)} ${r(y2)}`;
};

type Slots = Map<string, Map<string, number>>;

function route(link: Link, boxes: ReadonlyMap<string, Box>, left: Slots, right: Slots): Route {
  const parts: string[] = [];
  let last = { x: 0, y: 0 };
  const join = (from: string, to: string) => {
    const [a, b] = [boxes.get(from), boxes.get(to)];
    const [y1, y2] = [right.get(from)?.get(link.id), left.get(to)?.get(link.id)];
    if (a === undefined || b === undefined || y1 === undefined || y2 === undefined) return;
    parts.push(curve(a.x + a.w, y1, b.x, y2));
    last = { x: b.x, y: y2 };
  };
  link.stops.forEach((stop, i) => {
    const next = link.stops[i + 1];
    if (next !== undefined) join(stop, next);
  });
  const way = { ...last };
  const inPort = link.stops[1];
  const box = inPort === undefined ? undefined : boxes.get(inPort);
  if (link.copy !== undefined && box !== undefined && inPort !== undefined) join(inPort, link.copy);
  if (link.course === 'blocked') return { d: parts.join(''), x: way.x - 22, y: way.y, end: { x: way.x - 10, y: way.y } };
  if (link.course === 'dropped' && box !== undefined && inPort !== undefined) {
    const y = right.get(inPort)?.get(link.id) ?? box.y + box.h / 2;
    const x = box.x + box.w;
    return { d: parts.join('') + `M${r(x)} ${r(y)}H${r(x + stub)}`, x: x + stub, y, end: { x: x + stub + 8, y } };
  }
  return { d: parts.join(''), x: way.x - 6, y: way.y };
}

/** lay places a topology into a width. */
export function lay(t: Topology, room: number): Layout {
  const width = Math.min(widest, Math.max(narrowest, Math.floor(room)));
  const pitch = pitchOf(t.links.length);
  const columns = order(t);
  const touches = touchesOf(t.links);
  const { boxes, height } = place(columns, touches, width, pitch);
  const [left, right] = [slots(touches.left, boxes, pitch), slots(touches.right, boxes, pitch)];
  const routes = new Map(t.links.map((l) => [l.id, route(l, boxes, left, right)]));
  const leaves = (l: Link): number => (l.stops[1] === undefined ? 0 : (right.get(l.stops[1])?.get(l.id) ?? 0));
  const threads = [...t.links].sort((a, b) => leaves(a) - leaves(b)).map((l) => l.id);
  let x = margin;
  const [widths, between] = [widthsOf(width), betweenOf(width)];
  const titles = layers.map((text, i) => {
    const at = { x: x + (widths[i] ?? 0) / 2, text };
    x += (widths[i] ?? 0) + between;
    return at;
  });
  return { width, height, boxes, routes, columns: columns.map((c) => c.map((n) => n.id)), threads, titles, pitch };
}

/** From a kilobyte a second to a gigabyte a second a link grows from hair to full width. */
const [slow, fast] = [1e3, 1e9];

/** strokeOf is how wide a link is drawn: by the logarithm of its rate. */
export function strokeOf(rate: number | undefined, pitch: number): number {
  const full = Math.min(9, Math.max(1.6, pitch * 0.6));
  if (rate === undefined || rate <= slow) return 1.2;
  const part = Math.min(1, Math.log(rate / slow) / Math.log(fast / slow));
  return Math.round((1.2 + (full - 1.2) * part) * 10) / 10;
}
