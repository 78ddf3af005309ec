import { query, type Schema } from '../../api/client';
import { Bar } from '../../components/Bar';
import { DataTable, type Column } from '../../components/DataTable';
import { count, micros, perSecond, share } from '../../components/format';
import { useSample, type LiveLcore } from '../../live';

interface Row {
  core: Schema['Lcore'];
  live: LiveLcore | undefined;
}

const latency = (us: number) => (us === 0 ? '–' : micros(us));

const columns: Column<Row>[] = [
  { id: 'index', title: 'Lcore', render: ({ core }) => count(core.index) },
  { id: 'cpu', title: 'CPU', number: true, render: ({ core }) => count(core.cpu) },
  {
    id: 'busy',
    title: 'Busy',
    render: ({ core, live }) => (
      <>
        <Bar part={live?.busy ?? core.busy} /> {share(live?.busy ?? core.busy)}
      </>
    ),
  },
  { id: 'frames', title: 'Frames', number: true, render: ({ live }) => perSecond(live?.frames_per_second) },
  { id: 'directions', title: 'Directions', number: true, render: ({ core, live }) => count(live?.directions ?? core.directions), info: 'A flow has two: from the initiator and from the target' },
  { id: 'stalls', title: 'Stalls', number: true, render: ({ core, live }) => count(live?.stalls ?? core.stalls), info: 'How often it did not poll its ports in time, since the data plane started' },
  { id: 'worst_stall', title: 'Longest stall', number: true, render: ({ core }) => latency(core.worst_stall_us) },
  { id: 'p50', title: 'p50', number: true, render: ({ core }) => latency(core.latency_p50_us), info: 'Latency inside the appliance, since the data plane started' },
  { id: 'p99', title: 'p99', number: true, render: ({ core }) => latency(core.latency_p99_us) },
  { id: 'p9999', title: 'p99.99', number: true, render: ({ core }) => latency(core.latency_p9999_us) },
  { id: 'worst', title: 'Worst', number: true, render: ({ core }) => latency(core.latency_worst_us) },
];

/** Lcores are the cores that poll ports. */
export function Lcores() {
  const list = query.useQuery('get', '/api/v1/lcores', { params: { query: { limit: 500 } } }, { refetchInterval: 2_000 });
  const sample = useSample();
  const items = list.data?.items.map((core) => ({ core, live: sample?.lcores.find((l) => l.index === core.index) }));
  return (
    <DataTable
      label="Lcores"
      columns={columns}
      items={items}
      keyOf={({ core }) => String(core.index)}
      error={list.error}
      again={() => void list.refetch()}
      emptyTitle="There are no lcores"
      empty="The data plane does not run: System shows the roles."
      total={list.data?.total}
    />
  );
}
