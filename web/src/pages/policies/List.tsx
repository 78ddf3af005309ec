import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { query, type Schema } from '../../api/client';
import { ColumnPicker, useColumns } from '../../components/ColumnPicker';
import { DataTable } from '../../components/DataTable';
import { Filters, FilterSelect, FilterText } from '../../components/Filters';
import { RemovedLine } from '../../components/Pending';
import { useDifferences, type On } from '../../components/usePending';
import { Dialogs, type Asked } from './Dialogs';
import { policyColumns, stepId } from './PolicyTable';
import { usePolicyActions } from './usePolicyActions';
import { actionWords, listQuery, whole, type View } from './view';

type Policy = Schema['PolicyItem'];

const pageSize = 200;
/** Hits are read again so often; with many pages that is left to whoever reads. */
const hitsMs = 5_000;
const pagesKept = 5;

function usePolicies(view: View) {
  return query.useInfiniteQuery(
    'get',
    '/api/v1/policies',
    { params: { query: { ...listQuery(view), limit: pageSize } } },
    {
      pageParamName: 'cursor',
      initialPageParam: undefined,
      getNextPageParam: (last: Schema['PolicyItemList']) => last.next_cursor,
      refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) > pagesKept ? false : hitsMs),
    },
  );
}

function ListFilters({ view, set, on, children }: { view: View; set: (c: Partial<View>) => void; on: On; children: ReactNode }) {
  const services = query.useQuery('get', '/api/v1/services', { params: { query: { on, limit: 255 } } }, { staleTime: 30_000 });
  const narrowed = view.search !== '' || view.action !== '' || view.service !== '';
  return (
    <Filters {...(narrowed ? { clear: () => set({ search: '', action: '', service: '' }) } : {})}>
      <FilterText label="Name" search value={view.search} placeholder="Part of a name" onChange={(search) => set({ search })} />
      <FilterSelect
        label="Action"
        value={view.action}
        options={[{ value: '', label: 'All' }, ...Object.entries(actionWords).map(([value, label]) => ({ value, label }))]}
        onChange={(action) => set({ action })}
      />
      <FilterSelect
        label="Service"
        value={view.service}
        options={[{ value: '', label: 'All' }, ...(services.data?.items ?? []).map((s) => ({ value: s.name ?? '', label: s.name ?? '' }))]}
        onChange={(service) => set({ service })}
      />
      {children}
    </Filters>
  );
}

/** useStep moves a policy by one place. The focus stays with it, and who does not see it hears where it is now. */
function useStep(items: readonly Policy[] | undefined) {
  const actions = usePolicyActions();
  const [said, say] = useState('');
  const focus = useRef('');
  const busy = useRef(false);
  const latest = useRef(items);
  latest.current = items;
  useEffect(() => {
    if (focus.current === '') return;
    document.getElementById(focus.current)?.focus();
    focus.current = '';
  }, [items]);
  const step = useCallback(
    async (p: Policy, by: -1 | 1) => {
      const at = latest.current?.findIndex((i) => i.name === p.name) ?? -1;
      const other = latest.current?.[at + by];
      if (busy.current || at < 0 || other?.name === undefined) return;
      busy.current = true;
      const ok = await actions.move(p, by < 0 ? { before: other.name } : { after: other.name }, by < 0 ? 'up' : 'down');
      busy.current = false;
      if (!ok) return;
      focus.current = stepId(p.name ?? '', by);
      say(`${p.name} is now in place ${(p.position ?? 0) + by}`);
    },
    [actions],
  );
  return { step, said };
}

export interface ListProps {
  view: View;
  set: (change: Partial<View>, push?: boolean) => void;
  on: On;
  offered: boolean;
}

/** List is the ordered list: the first enabled one that matches decides. */
export function List({ view, set, on, offered }: ListProps) {
  const list = usePolicies(view);
  const items = useMemo(() => list.data?.pages.flatMap((p) => p.items), [list.data]);
  const total = list.data?.pages[0]?.total ?? items?.length ?? 0;
  const differences = useDifferences('policy');
  const actions = usePolicyActions();
  const [asked, ask] = useState<Asked>();
  const { step, said } = useStep(items);
  const ordered = whole(view);
  const open = useCallback((policy: string) => set({ policy }, true), [set]);
  const columns = useMemo(
    () => policyColumns({ on, differences: on === 'pending' ? differences : { by: new Map(), removed: [] }, open, step: offered && ordered ? (p, by) => void step(p, by) : undefined, total }),
    [on, differences, open, offered, ordered, step, total],
  );
  const picked = useColumns('policies', columns);
  const rowActions = useCallback(
    (p: Policy) => [
      { title: 'Edit', onClick: () => open(p.name ?? '') },
      { title: 'Move to position…', onClick: () => ask({ what: 'move', policy: p }) },
      { title: 'Clone…', onClick: () => ask({ what: 'clone', policy: p }) },
      { title: p.disabled === true ? 'Enable' : 'Disable', onClick: () => void actions.toggle(p) },
      { title: 'Rename…', onClick: () => ask({ what: 'rename', policy: p }) },
      { isSeparator: true },
      { title: 'Delete…', isDanger: true, onClick: () => ask({ what: 'delete', policy: p }) },
    ],
    [open, actions],
  );
  const narrowed = view.search !== '' || view.action !== '' || view.service !== '';
  return (
    <div className="fcr-stack">
      <ListFilters view={view} set={set} on={on}>
        <ColumnPicker columns={columns} chosen={picked.chosen} choose={picked.choose} />
      </ListFilters>
      <div>
        <DataTable
          label={on === 'pending' ? 'Pending policies' : 'Active policies'}
          columns={picked.shown}
          items={items}
          keyOf={(p) => p.name ?? ''}
          error={list.error}
          again={() => void list.refetch()}
          sort={view.sort}
          onSort={(sort) => set({ sort })}
          {...(offered ? { rowActions } : {})}
          emptyTitle={narrowed ? 'No policy is like that' : on === 'active' ? 'No policy decides' : 'There are no policies'}
          empty={narrowed ? 'Clear the filters to see all of them.' : 'Every flow is forwarded on its direct way. Make a policy here, or from a flow on the page of flows: nothing happens to traffic until it is applied.'}
          total={total}
          more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        />
        {on === 'pending' && <RemovedLine differences={differences} what="Policies" />}
      </div>
      <p className="pf-v6-screen-reader" role="status">
        {said}
      </p>
      <Dialogs asked={asked} total={list.data?.pages[0]?.total ?? total} actions={actions} onClose={() => ask(undefined)} />
    </div>
  );
}
