import './queues.css';
import { Alert, Title } from '@patternfly/react-core';
import { useCallback, useMemo } from 'react';
import { Link } from 'wouter';
import { query } from '../../api/client';
import { Bar } from '../../components/Bar';
import { search } from '../../components/CopyAs';
import { DataTable, type Column } from '../../components/DataTable';
import { count, perSecond, short } from '../../components/format';
import { Page } from '../../components/Page';
import { State } from '../../components/State';
import { useUrlState } from '../../components/useUrlState';
import { useSampleProblem, useSamples } from '../../live';
import { consumerText, ringsNow } from '../../live/history-rings';
import { RingCharts } from './RingCharts';
import { fillOf, lcoresOf, merged, producerText, sorted, stateOf, type Ring } from './rings';
import { Figure, Workers } from './Workers';

const usual = { open: '', sort: 'name' };

const columnsOf = (lcores: number): Column<Ring>[] => [
  { id: 'name', title: 'Ring', sort: 'name', render: (r) => r.name },
  {
    id: 'state',
    title: 'State',
    render: (r) => {
      const { tone, text, more } = stateOf(r);
      return <State tone={tone} text={text} {...(more === undefined ? {} : { title: more })} />;
    },
  },
  { id: 'for', title: 'What reads it', render: (r) => <span className="fcr-queues-reads">{consumerText(r.consumer)}</span> },
  { id: 'from', title: 'Producer', render: (r) => producerText(r.producer, lcores) },
  {
    id: 'depth',
    title: 'Depth',
    sort: 'depth',
    render: (r) => (
      <span title={`${count(r.depth)} of ${count(r.items)}`}>
        <Bar part={fillOf(r)} /> {short(r.depth)} of {short(r.items)}
      </span>
    ),
  },
  { id: 'in', title: 'Enqueued', number: true, render: (r) => perSecond(r.offeredRate) },
  { id: 'out', title: 'Processed', number: true, render: (r) => perSecond(r.releasedRate) },
  { id: 'pending', title: 'Waiting', number: true, render: (r) => <Figure n={r.pending} /> },
  { id: 'conflated', title: 'Conflated', number: true, render: (r) => <Figure n={r.conflated} /> },
  { id: 'lost', title: 'Lost', number: true, render: (r) => <Figure n={r.lost} /> },
  { id: 'gaps', title: 'Gaps', number: true, render: (r) => <Figure n={r.gaps} /> },
];

/** Away says where to look while the data plane is not there. */
const Away = () => (
  <>
    The data plane is away, and its rings with it. <Link href="/system">System</Link> shows the roles of this node and why they stopped.
  </>
);

function Rings({ open, sort, set }: { open: string; sort: string; set: (change: Partial<typeof usual>, push?: boolean) => void }) {
  const list = query.useQuery('get', '/api/v1/rings', { params: { query: { limit: 500 } } }, { refetchInterval: 2_000 });
  const samples = useSamples();
  const problem = useSampleProblem();
  const rings = useMemo(() => merged(list.data?.items, ringsNow(samples)), [list.data, samples]);
  const items = useMemo(() => (rings === undefined ? undefined : sorted(rings, sort)), [rings, sort]);
  const lcores = lcoresOf(samples.at(-1), rings ?? []);
  const columns = useMemo(() => columnsOf(lcores), [lcores]);
  const toggle = useCallback((r: Ring) => set({ open: r.name === open ? '' : r.name }, true), [set, open]);
  const shown = rings?.find((r) => r.name === open);
  return (
    <section className="fcr-stack" aria-labelledby="rings-title">
      <div>
        <Title headingLevel="h2" size="lg" id="rings-title">
          Rings
        </Title>
        <p className="fcr-subtle fcr-queues-words">Conflated: only the latest state of a flow is kept while the reader is slow; nothing is lost in the end.</p>
        <p className="fcr-subtle fcr-queues-words">Lost: events that found the ring full; a gap record says where.</p>
      </div>
      {problem !== undefined && (
        <Alert isInline variant="warning" title={problem.title}>
          <Away />
        </Alert>
      )}
      <div className="fcr-queues">
        <DataTable
          label="Rings"
          columns={columns}
          items={items}
          keyOf={(r) => r.name}
          error={list.error}
          again={() => void list.refetch()}
          sort={sort}
          onSort={(next) => set({ sort: next })}
          openKey={open}
          onOpen={toggle}
          total={list.data?.total}
          emptyTitle="There are no rings"
          empty={<Away />}
        />
      </div>
      {shown !== undefined && <RingCharts name={shown.name} ring={shown} filledBy={producerText(shown.producer, lcores)} onClose={() => set({ open: '' })} />}
      {open !== '' && rings !== undefined && shown === undefined && <p>{`There is no ring ${open} now.`}</p>}
    </section>
  );
}

/** The queues between the data plane and the slow path: how full they are, and what came of what found no room. */
export default function Queues() {
  const [{ open, sort }, set] = useUrlState(usual);
  return (
    <Page
      title="Queues"
      text="Through rings the data plane tells the slow path what it sees. They never hold up a frame: a full one costs detail, not traffic."
      commands={{ path: `/api/v1/rings${search({ limit: 500, sort })}`, fcrctl: 'ring list' }}
    >
      <div className="fcr-stack">
        <Rings open={open} sort={sort} set={set} />
        <Workers />
      </div>
    </Page>
  );
}
