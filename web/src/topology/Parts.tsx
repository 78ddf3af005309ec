import { memo } from 'react';
import { bitRate } from '../components/format';
import { strokeOf, type Box, type Route } from './layout';
import type { Link, Node, Tone } from './model';
import { cut, nodeLines } from './words';

/** What the drawing is made of. Each part is drawn anew only when something of it has changed: mostly rates. */

/** Marks differ by shape, not by colour alone. */
const marks: Record<Tone, string> = {
  good: 'M-6 0A6 6 0 1 1 6 0A6 6 0 1 1 -6 0M-3 0.2L-0.8 2.4L3 -2',
  warning: 'M0 -6L6.6 5.4H-6.6ZM0 -2V1.6M0 3.2V3.6',
  bad: 'M-2.6 -6H2.6L6 -2.6V2.6L2.6 6H-2.6L-6 2.6V-2.6ZM-2.4 -2.4L2.4 2.4M2.4 -2.4L-2.4 2.4',
  unknown: 'M-6 0A6 6 0 1 1 6 0A6 6 0 1 1 -6 0M-2.5 0H2.5',
};

export const Mark = ({ tone, x, y }: { tone: Tone; x: number; y: number }) => <path className={`fcr-topology-mark fcr-${tone}`} d={marks[tone]} transform={`translate(${x} ${y})`} />;

export interface PartProps {
  /** In sight of what is pointed at or focused, or not. */
  faded: boolean;
  /** The one that Tab enters. */
  current: boolean;
}

const columnsOf = (px: number, letter: number): number => Math.floor(px / letter);

function NodePart_({ node, box, faded, current }: PartProps & { node: Node; box: Box }) {
  const { x, y, w } = box;
  const middle = y + box.h / 2;
  const plain = node.kind === 'direct' || node.kind === 'group';
  const lines = nodeLines(node);
  const drawn = [cut(lines[0], columnsOf(w - (plain ? 16 : 33), 7.1)), cut(lines[1], columnsOf(w - 16, 5.9)), cut(lines[2], columnsOf(w - 16, 5.9))] as const;
  // What had to be cut is said as it stands there, too.
  const label = drawn.every((text, i) => text === lines[i]) ? node.label : `${drawn.join(', ')}: ${node.label}`;
  return (
    <a href={node.href} data-id={node.id} aria-label={label} tabIndex={current ? 0 : -1} className={`fcr-topology-node fcr-kind-${node.kind}${faded ? ' fcr-faded' : ''}`}>
      <title>{node.wwpn === undefined || node.wwpn === node.name ? node.name : `${node.name} (${node.wwpn})`}</title>
      <rect x={x} y={y} width={w} height={box.h} rx={6} />
      {!plain && <Mark tone={node.tone} x={x + 15} y={middle - 16} />}
      {/* The space behind each keeps their words apart where they are read as one text. */}
      <text className="fcr-topology-name" x={plain ? x + 10 : x + 27} y={middle - 11.5}>
        {`${drawn[0]} `}
      </text>
      <text className="fcr-topology-state" x={x + 10} y={middle + 5.5}>
        {`${drawn[1]} `}
      </text>
      <text className="fcr-topology-rate" x={x + 10} y={middle + 21.5}>
        {`${drawn[2]} `}
      </text>
    </a>
  );
}

export const NodePart = memo(NodePart_, (a, b) => a.box === b.box && a.faded === b.faded && a.current === b.current && same(a.node, b.node));

const same = (a: Node, b: Node): boolean => a.label === b.label && a.href === b.href && a.tone === b.tone;

function LinkPart_({ link, route, pitch, faded, current }: PartProps & { link: Link; route: Route; pitch: number }) {
  return (
    <a href={link.href} data-id={link.id} aria-label={link.label} tabIndex={current ? 0 : -1} className={`fcr-topology-link fcr-course-${link.course}${faded ? ' fcr-faded' : ''}`}>
      <path d={route.d} className="fcr-topology-hit" data-hit="" strokeWidth={Math.max(6, pitch)} />
      <path d={route.d} className="fcr-topology-line" strokeWidth={strokeOf(link.rate, pitch)} />
      {route.end !== undefined && <path className="fcr-topology-end" d="M-5 -5L5 5M5 -5L-5 5" transform={`translate(${route.end.x} ${route.end.y})`} />}
    </a>
  );
}

export const LinkPart = memo(
  LinkPart_,
  (a, b) => a.route === b.route && a.pitch === b.pitch && a.faded === b.faded && a.current === b.current && a.link.label === b.link.label && a.link.href === b.link.href,
);

/** numberOf is what stands beside a link: its rate, or that it ends there. */
const numberOf = (link: Link): string => (link.course === 'blocked' || link.course === 'dropped' ? link.course : link.rate === undefined ? '' : bitRate(link.rate));

/** Numbers stand above all links, so that none is drawn through. Who listens has them in the links' names. */
export function Numbers({ links, routes, faded }: { links: readonly Link[]; routes: ReadonlyMap<string, Route>; faded: (id: string) => boolean }) {
  return (
    <g aria-hidden="true">
      {links.map((link) => {
        const route = routes.get(link.id);
        if (route === undefined) return null;
        const dropped = link.course === 'dropped';
        return (
          <text key={link.id} className={`fcr-topology-number${faded(link.id) ? ' fcr-faded' : ''}`} x={dropped ? route.x - 20 : route.x} y={route.y + (dropped ? -9 : 4)} textAnchor={dropped ? 'start' : 'end'}>
            {numberOf(link)}
          </text>
        );
      })}
    </g>
  );
}
