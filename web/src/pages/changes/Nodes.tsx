import { Alert } from '@patternfly/react-core';
import { query, type Schema } from '../../api/client';
import { DataTable, type Column } from '../../components/DataTable';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';

type Member = Schema['Member'];

/** The stream has no cluster: it is asked for while somebody looks. */
const refetchMs = 3_000;

export const useCluster = (often = false) => query.useQuery('get', '/api/v1/cluster', {}, { refetchInterval: often ? refetchMs : 15_000 });

const version = (v: Schema['Version']) => `${v.term}.${v.revision}`;

const columns: readonly Column<Member>[] = [
  {
    id: 'node',
    title: 'Node',
    render: (m) => (
      <>
        {m.node} {m.self && <span className="fcr-subtle">(this one)</span>}
      </>
    ),
  },
  {
    id: 'state',
    title: 'State',
    render: (m) =>
      !m.reached ? (
        <State tone="bad" text="does not answer" title={m.problem} />
      ) : m.waits ? (
        <State tone="warning" text="a change waits to be confirmed" />
      ) : m.same ? (
        <State tone="good" text="has the same configuration" />
      ) : (
        <State tone="warning" text="has another configuration" title={m.problem} />
      ),
  },
  { id: 'problem', title: 'Why', render: (m) => m.problem ?? '–' },
  { id: 'version', title: 'Version', info: 'Term and revision: a change that leaves nodes out begins a term.', render: (m) => <span className="fcr-number">{version(m.version)}</span> },
  { id: 'document', title: 'Confirmed', render: (m) => <Document sha={m.document} /> },
  { id: 'runs', title: 'Runs', render: (m) => <Document sha={m.runs} /> },
  {
    id: 'lock',
    title: 'Who edits',
    render: (m) => (m.lock === undefined ? '–' : <><Name name={m.lock.owner} /> since <Time at={m.lock.since} /></>),
  },
  { id: 'seen', title: 'Heard of', render: (m) => (m.self ? '–' : <Time at={m.seen} relative />) },
];

const Document = ({ sha }: { sha: string }) =>
  sha === '' ? (
    <>–</>
  ) : (
    <span className="fcr-mono" title={sha}>
      {sha.slice(0, 8)}
    </span>
  );

const branches: readonly Column<Schema['Branch']>[] = [
  { id: 'version', title: 'Put aside', render: (b) => <span className="fcr-number">{version(b.version)}</span> },
  { id: 'from', title: 'Of node', render: (b) => b.from },
  { id: 'for', title: 'In its place', render: (b) => <span className="fcr-number">{version(b.for)}</span> },
  { id: 'saved', title: 'When', render: (b) => <Time at={b.saved} /> },
  { id: 'document', title: 'Document', render: (b) => <Document sha={b.document} /> },
];

/** Nodes is where the configuration of each node stands: a change is made on all or on none. */
export function Nodes() {
  const { data, error, refetch } = useCluster(true);
  const alone = data?.members.length === 1;
  return (
    <div className="fcr-stack">
      <p className="fcr-subtle">
        {alone ? 'This node stands alone: what is applied here is on all nodes there are.' : 'All nodes have one configuration. A change is checked and installed on all, with a window, or on none; it is confirmed where it was asked for.'}
      </p>
      {data?.waits !== undefined && data.waits !== '' && <Alert isInline variant="warning" title={`A change that was asked for on node ${data.waits} waits to be confirmed`}>Confirm or revert it there.</Alert>}
      {(data?.apart ?? []).length > 0 && (
        <Alert isInline variant="warning" title={`Left out of a change: ${data?.apart?.join(', ')}`}>
          They go on with what they have, and follow by themselves when they are back.
        </Alert>
      )}
      <div>
        <DataTable label="Nodes" columns={columns} items={data?.members} keyOf={(m) => m.node} error={error} again={() => void refetch()} emptyTitle="No nodes" empty="The node itself is always one." />
      </div>
      {(data?.branches ?? []).length > 0 && (
        <div>
          <p>When nodes met again after they had been apart, these configurations were put aside. They are in the history of this node, by their document.</p>
          <DataTable label="Put aside" columns={branches} items={data?.branches ?? []} keyOf={(b) => version(b.version) + b.from} emptyTitle="" empty="" />
        </div>
      )}
    </div>
  );
}
