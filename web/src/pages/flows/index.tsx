import { useCallback, useMemo, useRef, useState } from 'react';
import { Button, Drawer, DrawerContent, DrawerContentBody, Switch } from '@patternfly/react-core';
import PlusIcon from '@patternfly/react-icons/dist/esm/icons/plus-icon';
import { query } from '../../api/client';
import { useCan } from '../../app/session';
import { ColumnPicker, useColumns } from '../../components/ColumnPicker';
import { search } from '../../components/commands';
import { FilterBar } from '../../components/FilterBar';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { useUrlState } from '../../components/useUrlState';
import { AheadForm } from './AheadForm';
import { AheadList } from './AheadList';
import { columns } from './columns';
import { Export } from './Export';
import { fieldsOf, nPortsOf, toCommand, toQuery, usual, type FilterKey, type Known } from './filter';
import { FlowDrawer } from './FlowDrawer';
import { FlowList } from './FlowList';
import type { FlowRow } from './order';
import './flows.css';

const view = { ...usual, sort: '-byte_rate', flow: '', tab: 'flows', live: 'on' };

const searching = { id: 'text' as const, label: 'Search flows', placeholder: 'Part of an alias or a WWPN' };

/** useKnown is what can be suggested to the filter; it is asked when somebody opens it. */
export function useKnown(enabled: boolean): Known {
  const may = { aliases: useCan('alias.read'), sets: useCan('set.read'), policies: useCan('policy.read'), services: useCan('service.read'), ports: useCan('port.read'), logins: useCan('login.read') };
  const of = (on: boolean) => ({ enabled: enabled && on, staleTime: 30_000 });
  const limit = { params: { query: { limit: 1000, on: 'active' as const } } };
  const aliases = query.useQuery('get', '/api/v1/aliases', limit, of(may.aliases)).data?.items;
  const sets = query.useQuery('get', '/api/v1/sets', limit, of(may.sets)).data?.items;
  const policies = query.useQuery('get', '/api/v1/policies', limit, of(may.policies)).data?.items;
  const services = query.useQuery('get', '/api/v1/services', limit, of(may.services)).data?.items;
  const ports = query.useQuery('get', '/api/v1/ports', { params: { query: { limit: 500 } } }, of(may.ports)).data?.items;
  const logins = query.useQuery('get', '/api/v1/logins', { params: { query: { limit: 1000 } } }, of(may.logins)).data?.items;
  return useMemo(() => {
    const names = (list: readonly { name?: string }[] | undefined) => (list ?? []).map((o) => ({ value: o.name ?? '' })).filter((o) => o.value !== '');
    const nPorts = nPortsOf(aliases, logins);
    return { nPorts, ends: [...nPorts, ...names(sets).map((s) => ({ ...s, text: 'set' }))], policies: names(policies), services: names(services), ports: names(ports) };
  }, [aliases, sets, policies, services, ports, logins]);
}

/** useDrawer opens and closes the drawer so that Back closes it. */
function useDrawer(open: string, set: (change: { flow: string }, push?: boolean) => void) {
  const pushed = useRef(false);
  const isOpen = open !== '';
  const show = useCallback(
    (r: FlowRow) => {
      // From one flow to the next the entry stays the same: Back closes the drawer, and does not go through all that was looked at.
      set({ flow: r.flow.id }, !isOpen);
      pushed.current = pushed.current || !isOpen;
    },
    [set, isOpen],
  );
  const close = useCallback(() => {
    if (pushed.current) history.back();
    else set({ flow: '' });
    pushed.current = false;
  }, [set]);
  return { show, close };
}

/** Flows: who talks to whom, and what is done with it. */
export default function Flows() {
  const [state, set] = useUrlState(view);
  const [filtering, setFiltering] = useState(false);
  const [making, setMaking] = useState(false);
  const known = useKnown(filtering || making);
  const fields = useMemo(() => fieldsOf(known), [known]);
  const { shown, chosen, choose } = useColumns('flows', columns);
  const q = useMemo(() => toQuery(state), [state]);
  const asked = JSON.stringify([q, state.sort]);
  const narrowed = search(q) !== '';
  const live = state.live === 'on';
  const { show, close } = useDrawer(state.flow, set);
  const mayWrite = useCan('flow.write');
  const sortBy = useCallback((sort: string) => set({ sort }), [set]);
  const clear = useCallback(() => set({ ...usual }), [set]);
  const narrow = useCallback((change: Partial<Record<FilterKey, string>>) => set(change), [set]);

  const list = (
    <>
      <FilterBar search={searching} fields={fields} values={state} onChange={narrow} onOpen={setFiltering}>
        <Switch id="flows-live" label="Live" isChecked={live} onChange={(_, on) => set({ live: on ? 'on' : 'off' })} />
        <ColumnPicker columns={columns} chosen={chosen} choose={choose} />
        <Export q={q} />
      </FilterBar>
      <Drawer isInline isExpanded={state.flow !== ''} className="fcr-flows-drawer">
        <DrawerContent panelContent={state.flow === '' ? null : <FlowDrawer key={state.flow} id={state.flow} live={live} onClose={close} />}>
          <DrawerContentBody>
            <FlowList key={asked} q={q} narrowed={narrowed} sort={state.sort} onSort={sortBy} columns={shown} live={live} openId={state.flow} onOpen={show} onClear={clear} />
          </DrawerContentBody>
        </DrawerContent>
      </Drawer>
    </>
  );

  return (
    <Page
      title="Flows"
      text="Who talks to whom through this appliance, and what is done with it."
      actions={
        mayWrite ? (
          <Button variant="secondary" icon={<PlusIcon />} onClick={() => setMaking(true)}>
            Create a flow ahead
          </Button>
        ) : undefined
      }
      commands={
        state.tab === 'ahead'
          ? { path: '/api/v1/flows/ahead', fcrctl: 'flow list-ahead' }
          : { path: '/api/v1/flows' + search({ ...q, sort: state.sort, limit: 500 }), fcrctl: toCommand(q) }
      }
    >
      <PageTabs
        label="Flows"
        shown={state.tab}
        onShow={(tab) => set({ tab, flow: '' })}
        tabs={[
          { id: 'flows', title: 'Flows', render: () => list },
          { id: 'ahead', title: 'Created ahead', render: () => <AheadList onCreate={mayWrite ? () => setMaking(true) : undefined} /> },
        ]}
      />
      {making && <AheadForm ends={known.nPorts} onClose={() => setMaking(false)} onCreated={() => set({ tab: 'ahead', flow: '' })} />}
    </Page>
  );
}
