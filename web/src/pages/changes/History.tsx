import { Alert } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { api, query, type Schema } from '../../api/client';
import { useChange } from '../../app/change';
import { useSession } from '../../app/session';
import { DataTable, type Column } from '../../components/DataTable';
import { plural } from '../../components/format';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { Confirm } from '../../components/Confirm';
import { Name } from '../../components/Wwn';
import { Revision } from './Revision';
import { outcomes, stepsOf } from './steps';
import { useStep } from './useStep';

type Entry = Schema['Revision'];

const columns: readonly Column<Entry>[] = [
  { id: 'revision', title: 'Revision', render: (r) => <span className="fcr-number">{r.revision}</span> },
  { id: 'outcome', title: 'Outcome', render: (r) => <State tone={outcomes[r.outcome].tone} text={outcomes[r.outcome].text} title={r.why} /> },
  { id: 'applied', title: 'Applied', render: (r) => <Time at={r.applied} /> },
  { id: 'by', title: 'By', render: (r) => <Name name={r.by} /> },
  { id: 'note', title: 'Note', render: (r) => (r.note === undefined || r.note === '' ? '–' : <Name name={r.note} />) },
  { id: 'ticket', title: 'Ticket', render: (r) => (r.ticket === undefined || r.ticket === '' ? '–' : <Name name={r.ticket} />) },
  {
    id: 'settled',
    title: 'Settled',
    render: (r) =>
      r.settled === undefined ? (
        '–'
      ) : (
        <>
          <Time at={r.settled} />
          {r.settled_by === undefined || r.settled_by === '' ? '' : <> by <Name name={r.settled_by} /></>}
        </>
      ),
  },
];

/** History is all revisions, the newest first. One opens below the list. */
export function History({ open, onOpen }: { open: string; onOpen: (revision: string) => void }) {
  const { change } = useChange();
  const { me, can } = useSession();
  const { asked } = useStep();
  const [restoring, setRestoring] = useState<Entry>();
  const all = query.useInfiniteQuery(
    'get',
    '/api/v1/change/history',
    { params: { query: { limit: 50 } } },
    { pageParamName: 'cursor', initialPageParam: undefined, getNextPageParam: (l: Schema['RevisionPage']) => l.next_cursor },
  );
  const items = all.data?.pages.flatMap((p) => p.items);
  // What happened to the newest one is in the list too.
  const news = change === undefined ? '' : `${change.phase} ${change.active.generation} ${change.last?.revision ?? ''} ${change.last?.what ?? ''}`;
  const { refetch } = all;
  useEffect(() => void refetch(), [news, refetch]);
  const edit = change !== undefined && stepsOf(change, me.name, can).edit;
  const pending = change?.pending;
  return (
    <div className="fcr-stack">
      {all.data?.pages.some((p) => !p.complete) === true && <Alert isInline variant="warning" title="Older revisions are missing here">The database does not answer. The newest 64 are kept on the node itself.</Alert>}
      <div>
        <DataTable
          label="Revisions"
          columns={columns}
          items={items}
          keyOf={(r) => String(r.revision)}
          error={all.error}
          again={() => void all.refetch()}
          onOpen={(r) => onOpen(open === String(r.revision) ? '' : String(r.revision))}
          openKey={open}
          rowActions={edit ? (r) => (r.revision === change.active.revision && pending === undefined ? [] : [{ title: 'Restore as pending', onClick: () => setRestoring(r) }]) : undefined}
          emptyTitle="No revisions yet"
          empty="Each configuration that is applied becomes a revision, whatever came of it. Edit something, and apply it."
          more={{ has: all.hasNextPage, loading: all.isFetchingNextPage, load: () => void all.fetchNextPage() }}
        />
      </div>
      {open !== '' && <Revision key={open} number={Number(open)} onClose={() => onOpen('')} />}
      {restoring !== undefined && (
        <Confirm
          title={`Make revision ${restoring.revision} the pending configuration?`}
          action={`Restore revision ${restoring.revision}`}
          danger={pending !== undefined}
          onClose={() => setRestoring(undefined)}
          onConfirm={() =>
            asked(() => api.POST('/api/v1/change/history/{revision}/restore', { params: { path: { revision: restoring.revision } } }), `Revision ${restoring.revision} is pending`)
          }
        >
          {pending === undefined ? '' : `It takes the place of ${plural(pending.edits, 'edit')} that ${pending.edits === 1 ? 'is' : 'are'} pending now. `}
          Nothing decides otherwise until it is applied: look at what it changes first.
        </Confirm>
      )}
    </div>
  );
}
