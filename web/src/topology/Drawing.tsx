import './topology.css';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent, type PointerEvent, type RefObject } from 'react';
import { lay, layoutKey, type Layout } from './layout';
import type { Link, Topology } from './model';
import { move } from './move';
import { LinkPart, NodePart, Numbers } from './Parts';

export interface DrawingProps {
  topology: Topology;
  /** Pixels that there are for it at zoom 1. */
  room: number;
  zoom: number;
  /** What is pointed at or focused, in words. */
  onLook: (label: string | undefined) => void;
  onOpen: (href: string) => void;
  svg: RefObject<SVGSVGElement | null>;
  onLayout: (l: Layout) => void;
}

/** With more links than that each has its number only while one looks at it. */
const namedLinks = 16;

/** related is a thing and all that it has to do with: a link with its nodes, a node with its links and theirs. */
export function related(id: string, links: readonly Link[]): Set<string> {
  const found = new Set([id]);
  for (const l of links) {
    const places = l.copy === undefined ? l.stops : [...l.stops, l.copy];
    if (l.id !== id && !places.includes(id)) continue;
    found.add(l.id);
    for (const p of places) found.add(p);
  }
  return found;
}

const idAt = (target: EventTarget): string | undefined => (target instanceof Element ? (target.closest('[data-id]')?.getAttribute('data-id') ?? undefined) : undefined);

/** useLayout keeps the layout while the set is the same: rates alone move nothing. */
function useLayout(topology: Topology, room: number): Layout {
  const key = layoutKey(topology);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for the topology
  return useMemo(() => lay(topology, room), [key, room]);
}

/** Drawing is the topology as one picture that can be walked through: Tab goes in and out, arrows along and between the layers. */
export function Drawing({ topology, room, zoom, onLook, onOpen, svg, onLayout }: DrawingProps) {
  const layout = useLayout(topology, room);
  const [pointed, point] = useState<string>();
  const [focused, focus] = useState<string>();
  const [entry, setEntry] = useState<string>();
  const refocus = useRef<string>(undefined);
  useEffect(() => onLayout(layout), [layout, onLayout]);

  const { nodes, links } = topology;
  const labels = useMemo(() => new Map([...nodes, ...links].map((p) => [p.id, p.label])), [nodes, links]);
  const looked = [pointed, focused].find((id) => id !== undefined && labels.has(id));
  const label = looked === undefined ? undefined : labels.get(looked);
  useEffect(() => onLook(label), [label, onLook]);
  const lit = looked === undefined ? undefined : related(looked, links);
  const current = entry !== undefined && labels.has(entry) ? entry : layout.columns.flat()[0];
  const isFaded = (id: string) => lit !== undefined && !lit.has(id);
  const named = links.filter((l) => links.length <= namedLinks || looked === l.id);

  useEffect(() => {
    if (refocus.current === undefined) return;
    const wanted = refocus.current;
    refocus.current = undefined;
    for (const a of svg.current?.querySelectorAll<SVGAElement>('a[data-id]') ?? []) if (a.dataset['id'] === wanted) a.focus();
  });

  const onKeyDown = (e: KeyboardEvent) => {
    const id = idAt(e.target);
    if (id === undefined || e.altKey || e.ctrlKey || e.metaKey) return;
    const to = move(e.key, id, layout, links);
    if (to === undefined) return;
    e.preventDefault();
    refocus.current = to;
    setEntry(to);
    focus(to);
  };
  const onClick = (e: MouseEvent) => {
    const link = e.target instanceof Element ? e.target.closest('a[href]') : null;
    const href = link?.getAttribute('href');
    if (href === null || href === undefined || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    onOpen(href);
  };
  return (
    <svg
      ref={svg}
      role="graphics-document"
      aria-roledescription="topology"
      aria-label="Hosts, ports, services and targets, with what flows between them"
      className="fcr-topology-svg"
      width={layout.width * zoom}
      height={layout.height * zoom}
      viewBox={`0 0 ${layout.width} ${layout.height}`}
      onPointerOver={(e: PointerEvent) => point(idAt(e.target))}
      onPointerLeave={() => point(undefined)}
      onFocus={(e) => {
        const id = idAt(e.target);
        focus(id);
        if (id !== undefined) setEntry(id);
      }}
      onBlur={() => focus(undefined)}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      {layout.titles.map((t) => (
        <text key={t.text} className="fcr-topology-title" x={t.x} y={20} textAnchor="middle" aria-hidden="true">
          {t.text}
        </text>
      ))}
      {links.map((l) => {
        const route = layout.routes.get(l.id);
        if (route === undefined) return null;
        return <LinkPart key={l.id} link={l} route={route} pitch={layout.pitch} faded={isFaded(l.id)} current={current === l.id} />;
      })}
      <Numbers links={named} routes={layout.routes} faded={isFaded} />
      {nodes.map((n) => {
        const box = layout.boxes.get(n.id);
        if (box === undefined) return null;
        return <NodePart key={n.id} node={n} box={box} faded={isFaded(n.id)} current={current === n.id} />;
      })}
    </svg>
  );
}
