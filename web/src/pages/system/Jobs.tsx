import { useState } from 'react';
import { api, query, type Schema } from '../../api/client';
import { useCan } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { share } from '../../components/format';
import { State, type Tone } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';

type Job = Schema['Job'];

const tones: Record<Job['state'], Tone> = { queued: 'info', running: 'info', done: 'good', failed: 'bad', cancelled: 'neutral', interrupted: 'bad' };
const ended = (j: Job) => j.ended !== undefined;

const columns: readonly Column<Job>[] = [
  { id: 'title', title: 'Job', render: (j) => j.title },
  { id: 'state', title: 'State', render: (j) => <State tone={tones[j.state]} text={j.cancelling === true && !ended(j) ? 'told to end' : j.state} /> },
  { id: 'far', title: 'How far', render: (j) => (ended(j) ? (j.failure?.detail ?? j.result?.summary ?? '–') : [j.phase, j.total > 0 ? share(j.progress / j.total) : ''].filter(Boolean).join(', ') || 'under way') },
  { id: 'by', title: 'By', render: (j) => <Name name={j.by} /> },
  { id: 'created', title: 'Asked for', render: (j) => <Time at={j.created} /> },
  { id: 'ended', title: 'Ended', render: (j) => <Time at={j.ended} /> },
];

/** Jobs is long work, under way and ended. */
export function Jobs() {
  const may = useCan('job.write');
  const [cancelling, cancel] = useState<Job>();
  const list = query.useQuery('get', '/api/v1/jobs', { params: { query: { limit: 200, sort: '-created' } } }, { refetchInterval: 2_000 });
  return (
    <>
      <DataTable
        label="Jobs"
        columns={columns}
        items={list.data?.items}
        keyOf={(j) => j.id}
        error={list.error}
        again={() => void list.refetch()}
        total={list.data?.total}
        rowActions={may ? (j) => (ended(j) ? [] : [{ title: 'Cancel', onClick: () => cancel(j) }]) : undefined}
        emptyTitle="No jobs"
        empty="Backups, restores and support bundles are made by jobs. They are listed for an hour at least after they ended."
      />
      {cancelling !== undefined && (
        <Confirm title={`Cancel “${cancelling.title}”?`} action="Cancel job" onClose={() => cancel(undefined)} onConfirm={async () => { await api.POST('/api/v1/jobs/{id}/cancel', { params: { path: { id: cancelling.id } } }); await list.refetch(); }}>
          It ends as soon as it can, and may have done its work by then.
        </Confirm>
      )}
    </>
  );
}
