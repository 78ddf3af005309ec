import 'uplot/dist/uPlot.min.css';
import './chart.css';
import { Button, Flex, FlexItem, ToggleGroup, ToggleGroupItem, Title } from '@patternfly/react-core';
import { PauseIcon, PlayIcon } from '@patternfly/react-icons';
import { useEffect, useId, useMemo, useRef, useState, type ReactNode } from 'react';
import uPlot from 'uplot';
import { useDark } from '../app/theme';
import { clock, local } from './format';

/** A line of a chart. Its colour follows from its place; the table and the legend name it. */
export interface Line {
  label: string;
  format: (v: number) => string;
  /** Drawn as an area down to zero. */
  filled?: boolean;
  dashed?: boolean;
}

/** Data: seconds since 1970, rising, and for each line a value or null, where there is a gap. */
export type ChartData = [times: number[], ...values: (number | null)[][]];

export interface ChartProps {
  title: string;
  lines: readonly Line[];
  data: ChartData;
  height?: number;
  /** live charts can be paused: they go on with what has come meanwhile. */
  live?: boolean;
  /** The whole range that is asked for, so that what is missing shows as missing. */
  from?: number;
  to?: number;
  /** What was dragged, in seconds since 1970; undefined: the whole again. */
  onRange?: (from: number | undefined, to: number | undefined) => void;
  /** At least so high is the axis: a rate of nothing is a line at the bottom, not noise in the middle. */
  max?: number;
  actions?: ReactNode;
  headingLevel?: 'h2' | 'h3' | 'h4';
}

/** The colours of lines, of PatternFly's charts, apart in both themes and for those who see few colours. */
const palette = ['--pf-t--chart--color--blue--300', '--pf-t--chart--color--orange--300', '--pf-t--chart--color--teal--300', '--pf-t--chart--color--purple--300', '--pf-t--chart--color--yellow--300'];
const fallback = ['#0066cc', '#ca6c0f', '#37a3a3', '#5e40be', '#dca614'];

const cssColor = (name: string, otherwise: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim() || otherwise;

export const lineColor = (i: number): string => cssColor(palette[i % palette.length] ?? '', fallback[i % fallback.length] ?? '#0066cc');

function options(props: ChartProps, width: number, select: (u: uPlot) => void): uPlot.Options {
  const text = cssColor('--pf-t--global--text--color--subtle', '#4d4d4d');
  const grid = cssColor('--pf-t--global--border--color--default', '#c7c7c7');
  const { lines, height = 180, max = 0 } = props;
  const format = lines[0]?.format ?? String;
  return {
    width,
    height,
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    legend: { live: true, isolate: true },
    hooks: { setSelect: [select] },
    scales: {
      x: { time: true, ...(props.from === undefined || props.to === undefined ? {} : { range: [props.from, props.to] }) },
      y: { range: (_u, _min, high) => [0, Math.max(max, (high ?? 0) * 1.1, 1e-9)] },
    },
    axes: [
      { stroke: text, grid: { stroke: grid, width: 0.5 }, ticks: { stroke: grid, width: 0.5 } },
      { stroke: text, grid: { stroke: grid, width: 0.5 }, ticks: { show: false }, size: 78, values: (_u, splits) => splits.map((v) => (v === 0 ? '0' : format(v))) },
    ],
    series: [
      { value: (_u, v) => (v === null ? '–' : clock(v * 1000)), label: 'Time' },
      ...lines.map((line, i) => ({
        label: line.label,
        stroke: lineColor(i),
        width: 1.5,
        spanGaps: false,
        points: { show: false },
        ...(line.filled ? { fill: lineColor(i) + '26' } : {}),
        ...(line.dashed ? { dash: [6, 4] } : {}),
        value: (_u: uPlot, v: number | null) => (v === null || v === undefined ? '–' : line.format(v)),
      })),
    ],
  };
}

/** Plot draws; what is drawn is said in words by the table. */
function Plot(props: ChartProps & { range: [number, number] | undefined; onDrag: (r: [number, number]) => void }) {
  const { data, range } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const dark = useDark();
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([props.lines.map((l) => [l.label, l.filled, l.dashed]), props.height, range, dark, range === undefined ? [props.from === undefined] : 0]);

  useEffect(() => {
    const at = holder.current;
    if (at === null) return undefined;
    const select = (u: uPlot) => {
      const { left, width } = u.select;
      if (width < 4) return;
      const drawn: [number, number] = [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')];
      u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      latest.current.onDrag(drawn);
    };
    const p = latest.current;
    const made = new uPlot(options({ ...p, ...(p.range === undefined ? {} : { from: p.range[0], to: p.range[1] }) }, Math.max(200, at.clientWidth), select), p.data, at);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: Math.max(200, at.clientWidth), height: latest.current.height ?? 180 }));
    watch.observe(at);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => {
    const u = plot.current;
    if (u === undefined) return;
    u.batch(() => {
      u.setData(data, range === undefined);
      if (range === undefined && props.from !== undefined && props.to !== undefined) u.setScale('x', { min: props.from, max: props.to });
    });
  }, [data, range, props.from, props.to]);

  return <div ref={holder} className="fcr-plot" aria-hidden="true" />;
}

/** The rows of a table: the newest first, and no more than somebody reads. */
const tableRows = 200;

function DataRows({ lines, data }: ChartProps) {
  const [times, ...values] = data;
  const rows = times.map((_, i) => times.length - 1 - i).slice(0, tableRows);
  return (
    <div className="fcr-chart-table" tabIndex={0} role="region" aria-label="Values">
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map((l) => (
              <th scope="col" key={l.label}>
                {l.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((i) => (
            <tr key={i}>
              <th scope="row">{local((times[i] ?? 0) * 1000)}</th>
              {lines.map((l, n) => {
                const v = values[n]?.[i];
                return <td key={l.label}>{v === null || v === undefined ? '–' : l.format(v)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** summary says the chart in a sentence, for who does not see it. */
function summary(lines: readonly Line[], data: ChartData): string {
  const [, ...values] = data;
  const parts = lines.map((l, n) => {
    const known = (values[n] ?? []).filter((v): v is number => v !== null);
    const last = known.at(-1);
    return last === undefined ? `${l.label}: nothing measured` : `${l.label}: now ${l.format(last)}, at most ${l.format(Math.max(...known))}`;
  });
  return parts.join('; ');
}

/** Chart is lines over time that can be paused, dragged (a range), and read as a table. Gaps are gaps. */
export function Chart(props: ChartProps) {
  const { title, live = false, lines, data, onRange, headingLevel = 'h2' } = props;
  const [table, setTable] = useState(false);
  const [paused, setPaused] = useState<ChartData>();
  const [range, setRange] = useState<[number, number]>();
  const id = useId();
  const shown = paused ?? data;
  const text = useMemo(() => summary(lines, shown), [lines, shown]);
  const drag = (r: [number, number] | undefined) => {
    setRange(r);
    onRange?.(r?.[0], r?.[1]);
    if (live && r !== undefined && paused === undefined) setPaused(data);
    if (r === undefined) setPaused(undefined);
  };
  return (
    <figure className="fcr-chart" aria-labelledby={id}>
      <Flex alignItems={{ default: 'alignItemsCenter' }} gap={{ default: 'gapSm' }}>
        <FlexItem grow={{ default: 'grow' }}>
          <Title headingLevel={headingLevel} size="md" id={id}>
            {title}
          </Title>
        </FlexItem>
        {props.actions}
        {range !== undefined && (
          <Button size="sm" variant="link" onClick={() => drag(undefined)}>
            Whole range
          </Button>
        )}
        {live && (
          <Button
            size="sm"
            variant="plain"
            aria-label={paused === undefined ? `Pause ${title}` : `Go on with ${title}`}
            aria-pressed={paused !== undefined}
            icon={paused === undefined ? <PauseIcon /> : <PlayIcon />}
            onClick={() => (paused === undefined ? setPaused(data) : drag(undefined))}
          />
        )}
        <ToggleGroup isCompact aria-label={`${title}: show as`}>
          <ToggleGroupItem text="Chart" isSelected={!table} onChange={() => setTable(false)} />
          <ToggleGroupItem text="Table" isSelected={table} onChange={() => setTable(true)} />
        </ToggleGroup>
      </Flex>
      {table ? <DataRows {...props} data={shown} /> : <Plot {...props} data={shown} range={range} onDrag={drag} />}
      <figcaption className="pf-v6-screen-reader">{text}</figcaption>
    </figure>
  );
}

/** withGaps puts a null between points that are further apart than usual, so that no line joins them. */
export function withGaps(data: ChartData, stepS: number): ChartData {
  const [times, ...values] = data;
  const at: number[] = [];
  const out: (number | null)[][] = values.map(() => []);
  times.forEach((t, i) => {
    const before = times[i - 1];
    if (before !== undefined && t - before > stepS * 2.5) {
      at.push(before + stepS);
      out.forEach((o) => o.push(null));
    }
    at.push(t);
    out.forEach((o, n) => o.push(values[n]?.[i] ?? null));
  });
  return [at, ...out];
}
