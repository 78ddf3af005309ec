import { Alert } from '@patternfly/react-core';
import { useCan } from '../../app/session';
import { query } from '../../api/client';
import { quote } from '../../components/CopyAs';
import { DataTable, type Column } from '../../components/DataTable';
import { bitRate, count } from '../../components/format';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { State } from '../../components/State';
import { useUrlState } from '../../components/useUrlState';
import { Name } from '../../components/Wwn';
import { useSample, type LivePort } from '../../live';
import { Details } from './Details';
import { Hugepages } from './Hugepages';
import { Lcores } from './Lcores';
import { errorsOf, linkOf, speedOf, withoutLink, type Port } from './words';

interface Row {
  port: Port;
  live: LivePort | undefined;
}

const columns: Column<Row>[] = [
  { id: 'name', title: 'Port', render: ({ port }) => <Name name={port.name} /> },
  { id: 'role', title: 'Role', render: ({ port }) => port.role },
  { id: 'pair', title: 'Pair', render: ({ port }) => (port.pair === undefined ? '–' : <Name name={port.pair} />) },
  { id: 'link', title: 'Link', render: ({ port, live }) => <State {...linkOf(live?.up ?? port.up)} /> },
  { id: 'speed', title: 'Speed', number: true, render: ({ port }) => speedOf(port.speed_mbps) },
  { id: 'lcore', title: 'Lcore', number: true, render: ({ port }) => count(port.lcore) },
  { id: 'in', title: 'In', number: true, render: ({ live }) => bitRate(live?.rates?.bytes_in) },
  { id: 'out', title: 'Out', number: true, render: ({ live }) => bitRate(live?.rates?.bytes_out) },
  { id: 'dropped', title: 'Dropped', number: true, render: ({ port }) => count(port.counters.dropped), info: 'Frames since the counters were cleared' },
  { id: 'errors', title: 'Errors', number: true, render: ({ port }) => count(errorsOf(port.counters)), info: 'What the device counted as wrong or missed since the counters were cleared' },
];

interface ListProps {
  open: string;
  onOpen: (name: string) => void;
}

function List({ open, onOpen }: ListProps) {
  const list = query.useQuery('get', '/api/v1/ports', { params: { query: { limit: 500 } } }, { refetchInterval: 2_000 });
  const sample = useSample();
  const ports = list.data?.items;
  const rows = ports?.map((port) => ({ port, live: sample?.ports.find((p) => p.name === port.name) }));
  const shown = ports?.find((p) => p.name === open);
  const down = ports?.filter((p) => !p.up && p.name !== open) ?? [];
  return (
    <div className="fcr-stack">
      {down.map((p) => (
        <Alert key={p.name} isInline variant="danger" title={`${p.name} has no link`}>
          {withoutLink(p)}
        </Alert>
      ))}
      <DataTable
        label="Ports"
        columns={columns}
        items={rows}
        keyOf={({ port }) => port.name}
        error={list.error}
        again={() => void list.refetch()}
        openKey={open}
        onOpen={({ port }) => onOpen(port.name === open ? '' : port.name)}
        emptyTitle="There are no ports"
        empty="The data plane does not run, or its boot file names no port: System shows the roles."
        total={list.data?.total}
      />
      {shown !== undefined && <Details key={shown.name} port={shown} onClose={() => onOpen('')} onCleared={() => list.refetch()} />}
      {open !== '' && ports !== undefined && shown === undefined && <Alert isInline variant="info" title={`There is no port ${open}`} />}
    </div>
  );
}

function commandsOf(tab: string, open: string) {
  if (tab === 'lcores') return { path: '/api/v1/lcores', fcrctl: 'lcore list' };
  if (tab === 'hugepages') return { path: '/api/v1/system', fcrctl: 'system get' };
  return open === '' ? { path: '/api/v1/ports', fcrctl: 'port list' } : { path: `/api/v1/ports/${encodeURIComponent(open)}`, fcrctl: `port get ${quote(open)}` };
}

/** The ports, the lcores that poll them, and the memory they use. */
export default function Ports() {
  const [{ tab, open }, set] = useUrlState({ tab: 'ports', open: '' });
  const maySystem = useCan('system.read');
  const tabs = [
    { id: 'ports', title: 'Ports', render: () => <List open={open} onOpen={(name) => set({ open: name }, true)} /> },
    { id: 'lcores', title: 'Lcores', render: () => <Lcores /> },
    ...(maySystem ? [{ id: 'hugepages', title: 'Hugepages', render: () => <Hugepages /> }] : []),
  ];
  return (
    <Page title="Ports" text="Links, what was counted on them, and the cores and memory that serve them." commands={commandsOf(tab, open)}>
      <PageTabs label="Ports" tabs={tabs} shown={tab} onShow={(next) => set({ tab: next, open: '' }, true)} />
    </Page>
  );
}
