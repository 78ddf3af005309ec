import { Title } from '@patternfly/react-core';
import { query, type Schema } from '../../api/client';
import { DataTable, type Column } from '../../components/DataTable';
import { count, micros, short } from '../../components/format';
import { State } from '../../components/State';

type Worker = Schema['Worker'];

/** Figure is a number in few characters; pointing at it shows all of them. */
export const Figure = ({ n }: { n: number | undefined }) => <span {...(n === undefined ? {} : { title: count(n) })}>{short(n)}</span>;

/** Who has done nothing yet has no latency. */
const latency = (w: Worker, us: number) => (w.processed === 0 ? '–' : micros(us));

const columns: Column<Worker>[] = [
  { id: 'name', title: 'Worker', render: (w) => w.name },
  { id: 'cpu', title: 'CPU', number: true, render: (w) => (w.cpu < 0 ? 'any' : w.cpu) },
  { id: 'depth', title: 'Depth', number: true, render: (w) => <Figure n={w.depth} /> },
  { id: 'enqueued', title: 'Enqueued', number: true, render: (w) => <Figure n={w.enqueued} /> },
  { id: 'processed', title: 'Processed', number: true, render: (w) => <Figure n={w.processed} /> },
  { id: 'conflated', title: 'Conflated', number: true, render: (w) => <Figure n={w.conflated} /> },
  { id: 'dropped', title: 'Dropped', number: true, render: (w) => (w.dropped > 0 ? <State tone="warning" text={`${short(w.dropped)} dropped`} title={count(w.dropped)} /> : '0') },
  { id: 'stale', title: 'Stale', number: true, render: (w) => <Figure n={w.stale} /> },
  { id: 'p50', title: 'p50', number: true, render: (w) => latency(w, w.latency_p50_us) },
  { id: 'p99', title: 'p99', number: true, render: (w) => latency(w, w.latency_p99_us) },
  { id: 'p9999', title: 'p99.99', number: true, render: (w) => latency(w, w.latency_p9999_us) },
  { id: 'worst', title: 'Worst', number: true, render: (w) => latency(w, w.latency_worst_us) },
];

/** Workers are those of the store, which bring what its rings hold to the database. */
export function Workers() {
  const list = query.useQuery('get', '/api/v1/rings/workers', { params: { query: { limit: 500 } } }, { refetchInterval: 2_000 });
  return (
    <section className="fcr-stack fcr-queues" aria-labelledby="workers-title">
      <div>
        <Title headingLevel="h2" size="lg" id="workers-title">
          Workers
        </Title>
        <p className="fcr-subtle fcr-queues-words">
          They bring what the rings hold to the database. Latency is from the ring to the end of the work. Stale: older than what the worker had already. Dropped: nothing could be done with it.
        </p>
      </div>
      <DataTable
        label="Workers"
        columns={columns}
        items={list.data?.items}
        keyOf={(w) => w.name}
        error={list.error}
        again={() => void list.refetch()}
        total={list.data?.total}
        emptyTitle="No worker answers"
        empty="The role store does not run: System shows the roles, and can start it."
      />
    </section>
  );
}
