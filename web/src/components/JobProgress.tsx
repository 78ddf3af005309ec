import { Progress, ProgressMeasureLocation } from '@patternfly/react-core';
import { useEffect, useRef } from 'react';
import { query, type Schema } from '../api/client';
import { Problem } from './Problem';

/** Came is what came of a job: why it failed, or what it made and what is to be known of that. */
const Came = ({ job: { failure, result } }: { job: Schema['Job'] }) =>
  failure !== undefined ? (
    <>{failure.detail}</>
  ) : (
    <>
      {result?.summary}
      {result?.notes?.map((n) => <div key={n}>{n}</div>)}
    </>
  );

const ended = (j: Schema['Job'] | undefined) => j !== undefined && j.ended !== undefined;

/** JobProgress follows long work of the appliance to its end. */
export function JobProgress({ id, onEnd }: { id: string; onEnd?: (job: Schema['Job']) => void }) {
  const { data, error } = query.useQuery('get', '/api/v1/jobs/{id}', { params: { path: { id } } }, { refetchInterval: (q) => (ended(q.state.data) ? false : 500) });
  const told = useRef('');
  useEffect(() => {
    if (data === undefined || !ended(data) || told.current === data.id) return;
    told.current = data.id;
    onEnd?.(data);
  }, [data, onEnd]);
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return null;
  const known = data.total > 0;
  const value = data.state === 'done' ? 100 : known ? (data.progress / data.total) * 100 : 0;
  return (
    <Progress
      title={data.title}
      value={value}
      label={data.state === 'running' ? (data.phase ?? 'under way') : data.state}
      valueText={data.state}
      measureLocation={ProgressMeasureLocation.top}
      {...(data.state === 'done' ? { variant: 'success' as const } : data.state === 'failed' || data.state === 'interrupted' ? { variant: 'danger' as const } : {})}
      helperText={ended(data) ? <Came job={data} /> : undefined}
    />
  );
}
