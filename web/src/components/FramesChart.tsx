import { Skeleton, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api } from '../api/client';
import { useCan } from '../app/session';
import { now } from '../live';
import { Chart, type ChartData, type Line } from './Chart';
import { bitRate, perSecond } from './format';
import { isString, useKept } from './kept';
import { Problem } from './Problem';

const ranges = [
  { value: '600', label: '10 min', again: 5_000 },
  { value: '3600', label: '1 h', again: 15_000 },
  { value: '86400', label: '24 h', again: 60_000 },
  { value: '604800', label: '7 d', again: 60_000 },
] as const;

const lines: readonly Line[] = [{ label: 'Frames', format: perSecond, filled: true }];
const byteLines: readonly Line[] = [{ label: 'Throughput', format: bitRate, filled: true }];

/** FramesChart is what a service or a policy got over time, as the statistics have it. What was not measured is a gap. */
export function FramesChart({ of, name, headingLevel = 'h3' }: { of: 'service' | 'policy'; name: string; headingLevel?: 'h2' | 'h3' }) {
  const may = useCan('statistics.read');
  const [kept, keep] = useKept<string>('frames.range', '600', isString);
  const range = ranges.find((r) => r.value === kept) ?? ranges[0];
  const seconds = Number(range.value);
  const stats = useQuery({
    queryKey: ['get', '/api/v1/statistics', of, name, seconds],
    queryFn: async () => {
      const to = now();
      const named = of === 'service' ? { service: name } : { policy: name };
      const { data } = await api.GET('/api/v1/statistics', { params: { query: { of, ...named, from: new Date(to - seconds * 1000).toISOString() } } });
      return { from: to / 1000 - seconds, to: to / 1000, points: data?.series.points ?? [] };
    },
    enabled: may,
    refetchInterval: range.again,
  });
  const data = useMemo<[ChartData, ChartData]>(() => {
    const points = stats.data?.points ?? [];
    const at = points.map((p) => Date.parse(p.at) / 1000);
    return [
      [at, points.map((p) => p.counts?.frames_per_second ?? null)],
      [at, points.map((p) => p.counts?.bytes_per_second ?? null)],
    ];
  }, [stats.data]);
  if (!may) return null;
  return (
    <div className="fcr-stack">
      <ToggleGroup aria-label="Range of the charts" isCompact>
        {ranges.map((r) => (
          <ToggleGroupItem key={r.value} text={r.label} isSelected={r === range} onChange={() => keep(r.value)} />
        ))}
      </ToggleGroup>
      {stats.error !== null && <Problem error={stats.error} again={() => void stats.refetch()} />}
      {stats.isPending ? (
        <Skeleton height="10rem" screenreaderText="Reading the statistics" />
      ) : (
        <div className="fcr-grid">
          <Chart key={`frames ${seconds}`} title="Frames" lines={lines} data={data[0]} height={140} headingLevel={headingLevel} from={stats.data?.from} to={stats.data?.to} />
          <Chart key={`bytes ${seconds}`} title="Throughput" lines={byteLines} data={data[1]} height={140} headingLevel={headingLevel} from={stats.data?.from} to={stats.data?.to} />
        </div>
      )}
    </div>
  );
}
