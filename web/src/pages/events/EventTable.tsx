import { Button } from '@patternfly/react-core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, type ReactNode, type RefObject } from 'react';
import { State, type Tone } from '../../components/State';
import { Time } from '../../components/Time';
import type { Event, Severity } from './filter';

export const severityTone: Record<Severity, Tone> = { info: 'neutral', notice: 'info', warning: 'warning', error: 'bad', critical: 'bad' };

const rowPx = 34;

interface EventTableProps {
  events: readonly Event[];
  openKey: string;
  onOpen: (e: Event) => void;
  /** Whether the reader has left the top: then the list is held, or it would slip away under the eyes. */
  onScrolled: (away: boolean) => void;
  scroller: RefObject<HTMLDivElement | null>;
  foot: ReactNode;
}

/** EventTable is a table of any length: only the rows in sight are there. */
export function EventTable({ events, openKey, onOpen, onScrolled, scroller, foot }: EventTableProps) {
  const away = useRef(false);
  const rows = useVirtualizer({ count: events.length, getScrollElement: () => scroller.current, estimateSize: () => rowPx, overscan: 12, getItemKey: (i) => events[i]?.number ?? i });
  const scrolled = (top: number) => {
    if (away.current === top > rowPx) return;
    away.current = top > rowPx;
    onScrolled(away.current);
  };
  return (
    <div className="fcr-events" ref={scroller} onScroll={(e) => scrolled(e.currentTarget.scrollTop)} tabIndex={0} role="region" aria-label="List of events">
      <div role="table" aria-label="Events, the newest first" aria-rowcount={events.length + 1}>
        <div role="rowgroup" className="fcr-events-head">
          <div role="row" aria-rowindex={1} className="fcr-event">
            {['Time', 'Severity', 'Type', 'What happened'].map((t) => (
              <span role="columnheader" key={t}>
                {t}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="fcr-events-body" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((r) => {
            const e = events[r.index];
            if (e === undefined) return null;
            return (
              <div role="row" key={r.key} aria-rowindex={r.index + 2} className="fcr-event" data-open={openKey === String(e.number)} style={{ transform: `translateY(${r.start}px)`, height: rowPx }}>
                <span role="cell" className="fcr-number">
                  <Time at={e.at} />
                </span>
                <span role="cell">
                  <State tone={severityTone[e.severity]} text={e.severity} />
                </span>
                <span role="cell" className="fcr-mono">
                  {e.type}
                </span>
                <span role="cell" title={e.text}>
                  <Button variant="link" isInline onClick={() => onOpen(e)}>
                    <bdi dir="auto">{e.text}</bdi>
                  </Button>
                </span>
              </div>
            );
          })}
        </div>
      </div>
      {foot}
    </div>
  );
}
