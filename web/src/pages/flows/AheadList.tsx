import { Button } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { api, query, type Schema } from '../../api/client';
import { useCan } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';
import { Name } from '../../components/Wwn';

type Ahead = Schema['AheadFlow'];

const keyOf = (a: Ahead) => a.id;

const columns: readonly Column<Ahead>[] = [
  { id: 'initiator', title: 'Initiator', render: (a) => <span className="fcr-mono">{a.initiator}</span> },
  { id: 'target', title: 'Target', render: (a) => <span className="fcr-mono">{a.target}</span> },
  { id: 'vsan', title: 'VSAN', number: true, render: (a) => (a.vsan === 0 ? 'untagged' : String(a.vsan)) },
  { id: 'fabric', title: 'Fabric', number: true, render: (a) => String(a.fabric) },
  { id: 'by', title: 'Created by', render: (a) => <Name name={a.created_by} /> },
  { id: 'at', title: 'Created', render: (a) => <Time at={a.created_at} /> },
  { id: 'flow', title: 'Flow', render: (a) => <Link href={`/flows?flow=${encodeURIComponent(a.id)}`}>Show</Link> },
];

/** AheadList is the flows that were created before their first frame, whether their ends are logged in or not. */
export function AheadList({ onCreate }: { onCreate?: () => void }) {
  const mayWrite = useCan('flow.write');
  const toast = useToast();
  const client = useQueryClient();
  const [removing, remove] = useState<Ahead>();
  const list = query.useInfiniteQuery(
    'get',
    '/api/v1/flows/ahead',
    { params: { query: { limit: 500 } } },
    { pageParamName: 'cursor', initialPageParam: undefined, getNextPageParam: (last: { next_cursor?: string }) => last.next_cursor },
  );
  const items = useMemo(() => list.data?.pages.flatMap((p) => p.items), [list.data]);
  const actions = useMemo(() => (mayWrite ? (a: Ahead) => [{ title: 'Do not keep it', onClick: () => remove(a) }] : undefined), [mayWrite]);
  return (
    <>
      <DataTable
        label="Flows created ahead"
        columns={columns}
        items={items}
        keyOf={keyOf}
        error={list.error}
        again={() => void list.refetch()}
        rowActions={actions}
        emptyTitle="No flow was created ahead"
        empty={
          <>
            A flow that is created ahead has its verdict before its first frame, and does not end when it is idle.{' '}
            {onCreate !== undefined && (
              <Button variant="link" isInline onClick={onCreate}>
                Create a flow ahead
              </Button>
            )}
          </>
        }
        more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        total={list.data?.pages[0]?.total}
      />
      {removing !== undefined && (
        <Confirm
          title={`Stop keeping the flow ${removing.initiator} to ${removing.target}?`}
          action="Do not keep it"
          onClose={() => remove(undefined)}
          onConfirm={async () => {
            await api.DELETE('/api/v1/flows/{id}', { params: { path: { id: removing.id } } });
            toast({ title: 'The flow is not kept any more', variant: 'success' });
            await client.invalidateQueries({ queryKey: ['get', '/api/v1/flows/ahead'] });
          }}
        >
          <p>The flow ends now, with its counters. Nothing is blocked: its next frame makes it anew, as it does any flow.</p>
        </Confirm>
      )}
    </>
  );
}
