import { query, type Schema } from '../../api/client';
import { Bar } from '../../components/Bar';
import { DataTable, type Column } from '../../components/DataTable';
import { bytes, count, share } from '../../components/format';

type Size = Schema['Hugepages'];

const used = (h: Size) => (h.pages === 0 ? 0 : (h.pages - h.free) / h.pages);

const columns: Column<Size>[] = [
  { id: 'size', title: 'Page size', render: (h) => bytes(h.size_kb * 1024) },
  { id: 'pages', title: 'Pages', number: true, render: (h) => count(h.pages) },
  { id: 'free', title: 'Free', number: true, render: (h) => count(h.free) },
  { id: 'reserved', title: 'Reserved', number: true, render: (h) => count(h.reserved), info: 'Promised to a program that has not used them yet' },
  { id: 'all', title: 'Together', number: true, render: (h) => bytes(h.pages * h.size_kb * 1024) },
  {
    id: 'used',
    title: 'Used',
    // The data plane takes its memory at start-up: full is as it should be, so nothing warns.
    render: (h) =>
      h.pages === 0 ? (
        'none set aside'
      ) : (
        <>
          <Bar part={used(h)} warnAt={2} /> {share(used(h))}
        </>
      ),
  },
];

/** Hugepages is the memory of the data plane. */
export function Hugepages() {
  const system = query.useQuery('get', '/api/v1/system', {}, { refetchInterval: 10_000 });
  const items = system.data === undefined ? undefined : (system.data.hugepages ?? []);
  return (
    <DataTable
      label="Hugepages"
      columns={columns}
      items={items}
      keyOf={(h) => String(h.size_kb)}
      error={system.error}
      again={() => void system.refetch()}
      emptyTitle="There are no hugepages"
      empty="The kernel of this machine offers none."
    />
  );
}
