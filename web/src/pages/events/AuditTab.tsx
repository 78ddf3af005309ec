import { Drawer, DrawerContent, DrawerContentBody } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { query, type Schema } from '../../api/client';
import { DataTable, type Column } from '../../components/DataTable';
import { FilterSelect, Filters, FilterText, FilterTime } from '../../components/Filters';
import { State, type Tone } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';
import { useTopic } from '../../live';
import { AuditPanel } from './AuditPanel';
import { auditQuery, type RecordsView } from './view';

type Entry = Schema['Entry'];

export const resultTone: Record<NonNullable<Entry['result']>, Tone> = { ok: 'good', refused: 'warning', failed: 'bad' };
export const doorText: Record<NonNullable<Entry['door']>, string> = { web: 'console', token: 'token', socket: 'local socket' };

const columns: readonly Column<Entry>[] = [
  { id: 'text', title: 'What', render: (e) => <bdi dir="auto">{e.action ?? e.text}</bdi> },
  { id: 'at', title: 'Time', render: (e) => <Time at={e.at} /> },
  { id: 'who', title: 'Who', render: (e) => (e.who === undefined ? 'nobody known' : <Name name={e.who} />) },
  { id: 'address', title: 'From', render: (e) => <span className="fcr-mono">{e.address ?? 'this machine'}</span> },
  { id: 'door', title: 'Door', render: (e) => (e.door === undefined ? '–' : doorText[e.door]) },
  { id: 'object', title: 'Object', render: (e) => (e.object === undefined ? '–' : <bdi dir="auto" className="fcr-name">{e.object}</bdi>) },
  { id: 'result', title: 'Result', render: (e) => (e.result === undefined ? '–' : <State tone={resultTone[e.result]} text={e.code === undefined ? e.result : `${e.result}: ${e.code}`} />) },
];

const any = { value: '', label: 'Any' };
const doors = [any, { value: 'web', label: 'Console' }, { value: 'token', label: 'Token' }, { value: 'socket', label: 'Local socket' }];
const results = [any, { value: 'ok', label: 'Done' }, { value: 'refused', label: 'Refused' }, { value: 'failed', label: 'Failed' }];
const none = { who: '', door: '', address: '', action: '', object: '', result: '', request: '', since: '', until: '' };

function AuditFilters({ view, set }: { view: RecordsView; set: (c: Partial<RecordsView>) => void }) {
  const narrowed = Object.keys(auditQuery(view)).length > 0;
  return (
    <Filters clear={narrowed ? () => set(none) : undefined}>
      <FilterText label="Who" search value={view.who} onChange={(who) => set({ who })} />
      <FilterText label="Action" value={view.action} placeholder="policy.*" onChange={(action) => set({ action })} />
      <FilterText label="Object" value={view.object} placeholder="policy/*" onChange={(object) => set({ object })} />
      <FilterText label="Address" value={view.address} placeholder="10.0.*" onChange={(address) => set({ address })} />
      <FilterSelect label="Door" value={view.door} options={doors} onChange={(door) => set({ door })} />
      <FilterSelect label="Result" value={view.result} options={results} onChange={(result) => set({ result })} />
      <FilterTime label="From" value={view.since} onChange={(since) => set({ since })} />
      <FilterTime label="To" value={view.until} onChange={(until) => set({ until })} />
      <FilterText label="Request" value={view.request} onChange={(request) => set({ request })} />
    </Filters>
  );
}

/** While much is written the list is read again this often. */
const refreshMs = 2_000;

/** useRefresh reads the list again when the stream says that the audit log grew. */
function useRefresh() {
  const client = useQueryClient();
  const { at } = useTopic('events', { types: ['audit'] });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (at === undefined || timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      void client.invalidateQueries({ queryKey: ['get', '/api/v1/audit'] });
    }, refreshMs);
  }, [at, client]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}

/** AuditTab is who did what, or tried to. */
export function AuditTab({ view, set }: { view: RecordsView; set: (c: Partial<RecordsView>, push?: boolean) => void }) {
  const list = query.useInfiniteQuery(
    'get',
    '/api/v1/audit',
    { params: { query: { limit: 100, ...auditQuery(view) } } },
    { pageParamName: 'cursor', initialPageParam: undefined, getNextPageParam: (l: Schema['EntryList']) => l.next_cursor },
  );
  useRefresh();
  const items = list.data?.pages.flatMap((p) => p.items);
  const open = items?.find((e) => String(e.number) === view.open);
  return (
    <Drawer isExpanded={open !== undefined}>
      <DrawerContent panelContent={open === undefined ? null : <AuditPanel entry={open} onClose={() => set({ open: '' })} onRequest={(request) => set({ ...none, request })} onWho={(who) => set({ ...none, who })} />}>
        <DrawerContentBody>
          <AuditFilters view={view} set={set} />
          <DataTable
            label="Audit log"
            columns={columns}
            items={items}
            keyOf={(e) => String(e.number)}
            error={list.error}
            again={() => void list.refetch()}
            onOpen={(e) => set({ open: String(e.number) }, view.open === '')}
            openKey={view.open}
            emptyTitle="No such entries"
            empty="Every write, and every attempt that was refused, is listed here. A wider filter finds more."
            more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          />
        </DrawerContentBody>
      </DrawerContent>
    </Drawer>
  );
}
