import './chart.css';
import { Button, Flex, FlexItem, Title, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import PauseIcon from '@patternfly/react-icons/dist/esm/icons/pause-icon';
import PlayIcon from '@patternfly/react-icons/dist/esm/icons/play-icon';
import { memo, useCallback, useId, useMemo, useRef, useState, type ReactNode } from 'react';
import { local } from './format';
import { Plot } from './Plot';

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

interface ChartProps {
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
  /** What is to be known of the data: that some of it is missing, and why. */
  note?: ReactNode;
  headingLevel?: 'h2' | 'h3' | 'h4';
}

/** The rows of a table: the newest first, and no more than somebody reads. */
const tableRows = 200;

function DataRows({ lines, data }: Pick<ChartProps, 'lines' | 'data'>) {
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
            <tr key={times[i]}>
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
export function summary(lines: readonly Line[], data: ChartData): string {
  const [, ...values] = data;
  const parts = lines.map((l, n) => {
    let last: number | undefined;
    let most = -Infinity;
    for (const v of values[n] ?? []) {
      if (v === null) continue;
      last = v;
      if (v > most) most = v;
    }
    return last === undefined ? `${l.label}: nothing measured` : `${l.label}: now ${l.format(last)}, at most ${l.format(most)}`;
  });
  return parts.join('; ');
}

interface HeadProps extends Pick<ChartProps, 'title' | 'live' | 'actions' | 'headingLevel'> {
  id: string;
  table: boolean;
  paused: boolean;
  ranged: boolean;
  onTable: (yes: boolean) => void;
  onPause: () => void;
  onWhole: () => void;
}

/** Head does not change with each second, and so costs nothing then. */
const Head = memo(function Head({ title, live, actions, headingLevel = 'h2', id, table, paused, ranged, onTable, onPause, onWhole }: HeadProps) {
  return (
    <Flex alignItems={{ default: 'alignItemsCenter' }} gap={{ default: 'gapSm' }}>
      <FlexItem grow={{ default: 'grow' }}>
        <Title headingLevel={headingLevel} size="md" id={id}>
          {title}
        </Title>
      </FlexItem>
      {actions}
      {ranged && (
        <Button size="sm" variant="link" onClick={onWhole}>
          Whole range
        </Button>
      )}
      {live === true && (
        <Button size="sm" variant="plain" aria-label={paused ? `Go on with ${title}` : `Pause ${title}`} icon={paused ? <PlayIcon /> : <PauseIcon />} onClick={onPause} />
      )}
      <ToggleGroup isCompact aria-label={`${title}: show as`}>
        <ToggleGroupItem text="Chart" isSelected={!table} onChange={() => onTable(false)} />
        <ToggleGroupItem text="Table" isSelected={table} onChange={() => onTable(true)} />
      </ToggleGroup>
    </Flex>
  );
});

type Shown = Pick<ChartProps, 'data' | 'from' | 'to'>;

/** Chart is lines over time that can be paused, dragged (a range), and read as a table. Gaps are gaps. */
export function Chart(props: ChartProps) {
  const { title, live = false, lines, data, from, to, height = 180, max = 0 } = props;
  const [table, setTable] = useState(false);
  const [paused, setPaused] = useState<Shown>();
  const [range, setRange] = useState<[number, number]>();
  const id = useId();
  const latest = useRef({ props, paused });
  latest.current = { props, paused };
  // The window stands still with the data: what is looked at does not slide away.
  const shown: Shown = paused ?? { data, from, to };
  const text = useMemo(() => summary(lines, shown.data), [lines, shown.data]);

  const drag = useCallback((r: [number, number] | undefined) => {
    const { props: now, paused: was } = latest.current;
    setRange(r);
    now.onRange?.(r?.[0], r?.[1]);
    if (r === undefined) setPaused(undefined);
    else if (now.live === true && was === undefined) setPaused({ data: now.data, from: now.from, to: now.to });
  }, []);
  const whole = useCallback(() => drag(undefined), [drag]);
  const pause = useCallback(() => {
    const { props: now, paused: was } = latest.current;
    if (was === undefined) setPaused({ data: now.data, from: now.from, to: now.to });
    else drag(undefined);
  }, [drag]);

  const window = useMemo<[number, number] | undefined>(
    () => range ?? (shown.from === undefined || shown.to === undefined ? undefined : [shown.from, shown.to]),
    [range, shown.from, shown.to],
  );
  return (
    <figure className="fcr-chart" aria-labelledby={id}>
      <Head
        {...{ title, live, id, table }}
        actions={props.actions}
        headingLevel={props.headingLevel}
        paused={paused !== undefined}
        ranged={range !== undefined}
        onTable={setTable}
        onPause={pause}
        onWhole={whole}
      />
      {table ? <DataRows lines={lines} data={shown.data} /> : <Plot lines={lines} data={shown.data} height={height} window={window} max={max} onDrag={drag} />}
      <figcaption>
        <span className="pf-v6-screen-reader">{text}</span>
        {props.note === undefined ? null : <span className="fcr-subtle fcr-chart-note">{props.note}</span>}
      </figcaption>
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
