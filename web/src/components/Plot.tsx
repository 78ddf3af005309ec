import 'uplot/dist/uPlot.min.css';
import { memo, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { useDark } from '../app/theme';
import type { ChartData, Line } from './Chart';
import { clock, local } from './format';

/** The colours of lines, of PatternFly's charts, apart in both themes and for those who see few colours. */
const palette = ['--pf-t--chart--color--blue--300', '--pf-t--chart--color--orange--300', '--pf-t--chart--color--teal--300', '--pf-t--chart--color--purple--300', '--pf-t--chart--color--yellow--300'];
const fallback = ['#0066cc', '#ca6c0f', '#37a3a3', '#5e40be', '#dca614'];

const cssColor = (name: string, otherwise: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim() || otherwise;

const lineColor = (i: number): string => cssColor(palette[i % palette.length] ?? '', fallback[i % fallback.length] ?? '#0066cc');

interface PlotProps {
  lines: readonly Line[];
  data: ChartData;
  height: number;
  /** What is to be seen, in seconds since 1970. */
  window: readonly [number, number] | undefined;
  max: number;
  onDrag: (r: [number, number]) => void;
}

const narrowest = 120;
const daySeconds = 86_400;

/** The y axis is as wide as its figures, which stand apart from the lines, and not wider than this. */
const widest = 96;
const axisGap = 7;
const axisStep = 8;

const dayMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const hourMinute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });

/** ticks says times as briefly as they can be told apart; midnight is a date. */
const ticks = (_u: uPlot, splits: number[], _axis: number, _space: number, step: number) =>
  splits.map((s) => {
    const at = new Date(s * 1000);
    if (step >= daySeconds || (at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0)) return dayMonth.format(at);
    return step >= 60 ? hourMinute.format(at) : clock(s * 1000);
  });

/** alone are the points without a neighbour: no line shows them, so they are dots. */
function alone(u: uPlot, series: number): number[] {
  const values = u.data[series];
  const out: number[] = [];
  if (values === undefined) return out;
  for (let i = 0; i < values.length; i++) if (values[i] != null && values[i - 1] == null && values[i + 1] == null) out.push(i);
  return out;
}

/** newest has the legend say the last values while nobody points at others. */
const newest = (u: uPlot) => u.setLegend({ idx: Math.max(0, u.data[0].length - 1) }, false);
const pointed = (u: uPlot) => (u.cursor.left ?? -1) >= 0;

let ruler: CanvasRenderingContext2D | null | undefined;

/** widthOf is how wide the widest of some texts is, in steps, so that an axis does not move with each figure. */
function widthOf(texts: readonly string[], font: string): number {
  ruler ??= document.createElement('canvas').getContext('2d');
  if (ruler === null) return widest;
  ruler.font = font;
  const measure = ruler;
  const most = Math.max(0, ...texts.map((t) => measure.measureText(t).width));
  return Math.min(widest, Math.ceil((most + axisGap) / axisStep) * axisStep);
}

function options(latest: () => PlotProps, width: number): uPlot.Options {
  const text = cssColor('--pf-t--global--text--color--subtle', '#4d4d4d');
  const grid = cssColor('--pf-t--global--border--color--default', '#c7c7c7');
  const font = `12px ${getComputedStyle(document.body).fontFamily || 'sans-serif'}`;
  const { lines, height } = latest();
  const format = (v: number) => (v === 0 ? '0' : (latest().lines[0]?.format ?? String)(v));
  const axis = { stroke: text, font, grid: { stroke: grid, width: 0.5 } };
  return {
    width,
    height,
    // Up and down for the outermost figures of the y axis; at the right for half a time of the x axis.
    padding: [8, 16, 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    legend: { live: true, isolate: false },
    hooks: {
      setSelect: [
        (u) => {
          const { left, width: wide } = u.select;
          if (wide < 4) return;
          const drawn: [number, number] = [u.posToVal(left, 'x'), u.posToVal(left + wide, 'x')];
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest().onDrag(drawn);
        },
      ],
      setCursor: [(u) => pointed(u) || newest(u)],
    },
    scales: {
      x: { time: true, range: (_u, min, max) => [min ?? 0, max ?? 1] },
      y: { range: (_u, _min, high) => [0, Math.max(latest().max, (high ?? 0) * 1.1, 1e-9)] },
    },
    axes: [
      { ...axis, ticks: { stroke: grid, width: 0.5, size: 4 }, size: 28, values: ticks },
      { ...axis, ticks: { show: false }, size: (_u, values) => widthOf(values ?? [], font), values: (_u, splits) => splits.map(format) },
    ],
    series: [
      { value: (u, v: number | null) => (v === null || v === undefined ? '–' : long(u) ? local(v * 1000) : clock(v * 1000)), label: 'Time' },
      ...lines.map((line, i) => ({
        label: line.label,
        stroke: lineColor(i),
        width: 1.5,
        spanGaps: false,
        points: { show: true, size: 4, fill: lineColor(i), filter: alone },
        ...(line.filled ? { fill: lineColor(i) + '26' } : {}),
        ...(line.dashed ? { dash: [6, 4] } : {}),
        value: (_u: uPlot, v: number | null) => (v === null || v === undefined ? '–' : (latest().lines[i]?.format ?? String)(v)),
      })),
    ],
  };
}

const long = (u: uPlot) => (u.scales['x']?.max ?? 0) - (u.scales['x']?.min ?? 0) > daySeconds;

/** show puts data and window in one go: one drawing. */
function show(u: uPlot, { data, window }: PlotProps): void {
  const first = window?.[0] ?? data[0][0];
  const last = window?.[1] ?? data[0].at(-1);
  u.batch(() => {
    u.setData(data, false);
    if (first !== undefined && last !== undefined) u.setScale('x', { min: first, max: last > first ? last : first + 1 });
  });
  if (!pointed(u)) newest(u);
}

/**
 * Plot draws; what is drawn is said in words by the table. There is one uPlot while the lines, the theme and the height stay:
 * new data, a new window and a new width go into it.
 */
export const Plot = memo(function Plot(props: PlotProps) {
  const { lines, data, height, window, max } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const dark = useDark();
  const latest = useRef(props);
  latest.current = props;
  const look = JSON.stringify([lines.map((l) => [l.label, l.filled, l.dashed]), height, dark]);

  useEffect(() => {
    const at = holder.current;
    if (at === null) return undefined;
    const width = () => Math.max(narrowest, Math.floor(at.clientWidth));
    const made = new uPlot(options(() => latest.current, width()), latest.current.data, at);
    plot.current = made;
    show(made, latest.current);
    let frame = 0;
    // In the next frame: a size that is set while sizes are observed is one that is observed again.
    const watch = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        if (width() !== made.width) made.setSize({ width: width(), height: latest.current.height });
      });
    });
    watch.observe(at);
    return () => {
      watch.disconnect();
      cancelAnimationFrame(frame);
      made.destroy();
      plot.current = undefined;
    };
  }, [look]);

  const [from, to] = window ?? [];
  useEffect(() => {
    if (plot.current !== undefined) show(plot.current, latest.current);
  }, [data, from, to, max]);

  return <div ref={holder} className="fcr-plot" aria-hidden="true" />;
});
