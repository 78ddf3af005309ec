import { FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { api } from '../../api/client';
import { Chart, type Line } from '../../components/Chart';
import { bitRate, perSecond } from '../../components/format';
import { Problem } from '../../components/Problem';
import { now } from '../../live';
import { chartsOf } from './series';

const ranges = [
  { value: '600', label: '10 minutes', everyMs: 5_000 },
  { value: '3600', label: '1 hour', everyMs: 15_000 },
  { value: '86400', label: '1 day', everyMs: 60_000 },
  { value: '604800', label: '1 week', everyMs: 300_000 },
] as const;

const throughput: readonly Line[] = [{ label: 'Throughput', format: bitRate, filled: true }];
const frames: readonly Line[] = [{ label: 'Frames/s', format: perSecond }];

/** History is what a flow did, both directions together, as the appliance has stored it. */
export function History({ id, live }: { id: string; live: boolean }) {
  const [seconds, setSeconds] = useState<string>('600');
  const range = ranges.find((r) => r.value === seconds) ?? ranges[0];
  const { data, error, refetch } = useQuery({
    queryKey: ['get', '/api/v1/flows/{id}/history', id, seconds],
    queryFn: async ({ signal }) => {
      const to = now();
      const span = { from: new Date(to - Number(seconds) * 1000).toISOString(), to: new Date(to).toISOString() };
      return (await api.GET('/api/v1/flows/{id}/history', { params: { path: { id }, query: span }, signal })).data;
    },
    refetchInterval: live ? range.everyMs : false,
    placeholderData: (was) => was,
  });
  const drawn = useMemo(() => (data === undefined ? undefined : chartsOf(data.series)), [data]);
  const choose = (
    <FormSelect aria-label="How far back" value={seconds} onChange={(_, v) => setSeconds(v)} className="fcr-flow-range">
      {ranges.map((r) => (
        <FormSelectOption key={r.value} value={r.value} label={r.label} />
      ))}
    </FormSelect>
  );
  if (drawn === undefined) return error === null ? null : <Problem error={error} again={() => void refetch()} title="The history could not be read" />;
  const span = { from: drawn.from, to: drawn.to, height: 130, live, headingLevel: 'h3' as const };
  return (
    <div className="fcr-stack">
      <Chart title="Throughput" lines={throughput} data={drawn.throughput} actions={choose} {...span} />
      <Chart title="Frames a second" lines={frames} data={drawn.frames} {...span} />
    </div>
  );
}
