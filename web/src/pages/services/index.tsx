import './services.css';
import { Button } from '@patternfly/react-core';
import PlusIcon from '@patternfly/react-icons/dist/esm/icons/plus-icon';
import { useCallback, useMemo, useState } from 'react';
import { query, type Schema } from '../../api/client';
import { ColumnPicker, useColumns } from '../../components/ColumnPicker';
import { flags, quote, search, type Commands } from '../../components/CopyAs';
import { DataTable } from '../../components/DataTable';
import { Filters, FilterText } from '../../components/Filters';
import { Page } from '../../components/Page';
import { OnSwitch, PendingLine, RemovedLine } from '../../components/Pending';
import { isOn, useDifferences, useEditing, useFollowConfiguration, type On } from '../../components/usePending';
import { useUrlState } from '../../components/useUrlState';
import { Dialogs, type Asked } from './Dialogs';
import { Service } from './Service';
import { serviceColumns } from './ServiceTable';
import { usual, type View } from './words';

type Item = Schema['ServiceItem'];

/** There are never more than 255. */
const most = 255;
const nothing = { by: new Map<string, never>(), removed: [] };

interface ListProps {
  view: View;
  set: (change: Partial<View>, push?: boolean) => void;
  on: On;
  offered: boolean;
}

function List({ view, set, on, offered }: ListProps) {
  const list = query.useQuery('get', '/api/v1/services', { params: { query: { on, sort: view.sort, limit: most, ...(view.search === '' ? {} : { search: view.search.slice(0, 64) }) } } }, { refetchInterval: 5_000 });
  const found = useDifferences('service');
  const differences = on === 'pending' ? found : nothing;
  const [asked, ask] = useState<Asked>();
  const open = useCallback((service: string) => set({ service }, true), [set]);
  const columns = useMemo(() => serviceColumns({ on, differences, open }), [on, differences, open]);
  const picked = useColumns('services', columns);
  const rowActions = useCallback(
    (service: Item) => [
      { title: 'Edit', onClick: () => open(service.name ?? '') },
      ...((service.used_by?.length ?? 0) > 0 && service.drained !== true ? [{ title: 'Drain…', onClick: () => ask({ what: 'drain', service }) }] : []),
      { title: 'Rename…', onClick: () => ask({ what: 'rename', service }) },
      { isSeparator: true },
      { title: 'Delete…', isDanger: true, onClick: () => ask({ what: 'delete', service }) },
    ],
    [open],
  );
  return (
    <div>
      <Filters {...(view.search === '' ? {} : { clear: () => set({ search: '' }) })}>
        <FilterText label="Name" search value={view.search} placeholder="Part of a name" onChange={(text) => set({ search: text })} />
        <ColumnPicker columns={columns} chosen={picked.chosen} choose={picked.choose} />
      </Filters>
      <DataTable
        label={on === 'pending' ? 'Pending services' : 'Active services'}
        columns={picked.shown}
        items={list.data?.items}
        keyOf={(s) => s.name ?? ''}
        error={list.error}
        again={() => void list.refetch()}
        sort={view.sort}
        onSort={(sort) => set({ sort })}
        {...(offered ? { rowActions } : {})}
        emptyTitle={view.search !== '' ? 'No service has this in its name' : 'There are no services'}
        empty={view.search !== '' ? 'Clear the filter to see all of them.' : 'Make a service where frames are inspected or copied to; then policies can redirect or mirror to it.'}
        total={list.data?.total}
      />
      <RemovedLine differences={differences} what="Services" />
      <Dialogs asked={asked} onClose={() => ask(undefined)} />
    </div>
  );
}

function commandsOf(view: View): Commands {
  const on = isOn(view.on);
  if (view.service !== '') return { path: `/api/v1/services/${encodeURIComponent(view.service)}${search({ on })}`, fcrctl: `service get ${quote(view.service)} --on ${on}` };
  const asked = { on, sort: view.sort, search: view.search };
  return { path: `/api/v1/services${search(asked)}`, fcrctl: `service list${flags(asked)}` };
}

/** What frames are redirected and mirrored to, and how it fares. */
export default function Services() {
  const [view, set] = useUrlState(usual);
  const on = isOn(view.on);
  const { offered, blocked } = useEditing('service.write', on);
  useFollowConfiguration();
  const one = view.service !== '' || view.new !== '';
  return (
    <Page
      title="Services"
      text="What frames are redirected and mirrored to, how it fares, and what happens while it is down."
      commands={commandsOf(view)}
      actions={
        <>
          {view.new === '' && <OnSwitch on={on} onChange={(next) => set({ on: next })} />}
          {offered && !one && (
            <Button icon={<PlusIcon />} onClick={() => set({ new: '1' }, true)}>
              New service
            </Button>
          )}
        </>
      }
    >
      <div className="fcr-stack">
        <PendingLine on={on} blocked={blocked} />
        {one ? <Service view={view} set={set} on={on} offered={offered} /> : <List view={view} set={set} on={on} offered={offered} />}
      </div>
    </Page>
  );
}
