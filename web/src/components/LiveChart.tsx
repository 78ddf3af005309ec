import { ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useEffect, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';
import { asProblem } from '../api/problem';
import { now, useSamples } from '../live';
import { joined, liveColumns, liveSpan, spanOf, spans, type Read, type Span } from '../live/history-join';
import { Chart, withGaps, type ChartData, type Line } from './Chart';
import { useStored, type Ask, type StoredRead } from './LiveChartStored';
import { useUrlState } from './useUrlState';

/** A line that is read from samples, and from what is stored of the time before, if that is. */
export interface LiveLine extends Line {
  live: Read;
  stored?: StoredRead;
}

interface LiveChartProps {
  title: string;
  /** The same array until they are others. */
  lines: readonly LiveLine[];
  span: Span;
  /** What is asked of the stored counts, the same array until it is another. Absent: only the last ten minutes are there. */
  asks?: readonly Ask[];
  max?: number;
  height?: number;
  actions?: ReactNode;
  note?: ReactNode;
  headingLevel?: 'h2' | 'h3' | 'h4';
}

/** useSpan is the range of a page's charts; the URL has it. */
export function useSpan(): [Span, (id: string) => void] {
  const [{ range }, set] = useUrlState({ range: liveSpan.id });
  return [spanOf(range), (id) => set({ range: id })];
}

/** SpanPicker chooses how far back the charts of a page go. */
export function SpanPicker({ span, onSpan }: { span: Span; onSpan: (id: string) => void }) {
  return (
    <ToggleGroup aria-label="Range of the charts" isCompact>
      {spans.map((s) => (
        <ToggleGroupItem key={s.id} text={s.label} isSelected={s.id === span.id} onChange={() => onSpan(s.id)} />
      ))}
    </ToggleGroup>
  );
}

/** useSeen says whether somebody can see an element: it is on the screen, and so is the tab. */
function useSeen(ref: RefObject<Element | null>): boolean {
  const [near, setNear] = useState(false);
  const [tab, setTab] = useState(() => document.visibilityState === 'visible');
  useEffect(() => {
    const at = ref.current;
    if (at === null) return undefined;
    const watch = new IntersectionObserver((entries) => setNear(entries.at(-1)?.isIntersecting ?? false), { rootMargin: '100px' });
    watch.observe(at);
    const look = () => setTab(document.visibilityState === 'visible');
    document.addEventListener('visibilitychange', look);
    return () => {
      watch.disconnect();
      document.removeEventListener('visibilitychange', look);
    };
  }, [ref]);
  return near && tab;
}

/** After so long without a sample the edge of a chart goes on by itself, and what is missing shows as missing. */
const silentMs = 3_000;

/** useEdge is the time at the right of a chart: that of the newest sample, or that of the appliance's clock without one. */
function useEdge(newest: string | undefined, seen: boolean): number {
  const [silent, setSilent] = useState<number>();
  useEffect(() => {
    setSilent(undefined);
    if (!seen) return undefined;
    let tick: ReturnType<typeof setInterval> | undefined;
    const start = setTimeout(
      () => {
        setSilent(now());
        tick = setInterval(() => setSilent(now()), 1000);
      },
      newest === undefined ? 0 : silentMs,
    );
    return () => {
      clearTimeout(start);
      clearInterval(tick);
    };
  }, [newest, seen]);
  const at = newest === undefined ? 0 : Date.parse(newest);
  return Math.max(at, silent ?? 0) / 1000 || now() / 1000;
}

function Drawn({ lines, asks, span, seen, note, ...chart }: LiveChartProps & { seen: boolean }) {
  const samples = useSamples(seen);
  const edge = useEdge(samples.at(-1)?.at, seen);
  // What is not kept is shown as far as it is: the last ten minutes.
  const shown = asks === undefined ? liveSpan : span;
  const stored = useStored(asks, shown, seen);
  const from = edge - shown.seconds;
  const fresh = useMemo<ChartData>(() => {
    const reads = lines.map((l) => l.live);
    if (shown === liveSpan) return withGaps(liveColumns(samples, reads, from), shown.stepSeconds);
    const old = lines.map((l) => (l.stored === undefined ? undefined : stored.line(l.stored)));
    return joined(samples, reads, old, shown, edge);
    // from follows from edge
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [samples, lines, shown, stored.line, edge]);
  let said = note;
  if (stored.error !== undefined) said = `What was before is not shown: ${asProblem(stored.error).title}.`;
  else if (shown !== span) said = 'This is kept for ten minutes only.';
  // Another range begins anew: what was paused or dragged was of the one before.
  return <Chart key={shown.id} {...chart} lines={lines} data={fresh} live from={from} to={edge} note={said} />;
}

/** LiveChart is a chart of the last minutes, second by second, or of a longer time whose end is live. It rests while nobody sees it. */
export function LiveChart(props: LiveChartProps) {
  const at = useRef<HTMLDivElement>(null);
  const seen = useSeen(at);
  return (
    <div ref={at}>
      <Drawn {...props} seen={seen} />
    </div>
  );
}
