import { Alert, Button, Flex, FlexItem, FormSelect, FormSelectOption, Skeleton } from '@patternfly/react-core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useId, useMemo, useState } from 'react';
import { Link } from 'wouter';
import { api, type Schema } from '../api/client';
import { useChange } from '../app/change';
import { DataTable, type Column } from './DataTable';
import { VerdictText } from './DryRunVerdict';
import { dryRunSentence, spanText, verdictKey } from './DryRunWords';
import { bytes, count, plural } from './format';
import { Problem } from './Problem';
import { Time } from './Time';
import { Name } from './Wwn';

type Change = Schema['VerdictChange'];
type Run = Schema['DryRun'];

const pageSize = 50;

/** The first page has no cursor. */
const firstPage = (): string | undefined => undefined;

/** How far back one may look. The appliance's own bound is a day. */
const ranges = [1, 10, 60, 360, 1440];

async function ask(minutes: number, cursor: string | undefined): Promise<Run> {
  const { data } = await api.POST('/api/v1/change/dry-run', { body: { minutes }, params: { query: { limit: pageSize, ...(cursor === undefined ? {} : { cursor }) } } });
  if (data === undefined) throw new Error('A dry run without an answer.');
  return data;
}

/** End is an initiator or a target in few characters: its alias, where it has one. */
const End = ({ wwpn, alias }: { wwpn: string; alias: string | undefined }) =>
  alias === undefined || alias === '' ? (
    <span className="fcr-mono">{wwpn}</span>
  ) : (
    <span title={wwpn}>
      <Name name={alias} />
    </span>
  );

const columns: readonly Column<Change>[] = [
  {
    id: 'flow',
    title: 'Flow',
    render: (c) => (
      <Link href={`/flows?initiator=${encodeURIComponent(c.initiator)}&target=${encodeURIComponent(c.target)}`}>
        <End wwpn={c.initiator} alias={c.initiator_alias} /> → <End wwpn={c.target} alias={c.target_alias} />
      </Link>
    ),
  },
  { id: 'vsan', title: 'VSAN', number: true, render: (c) => (c.vsan === 0 ? '–' : c.vsan) },
  { id: 'from', title: 'Now', render: (c) => <VerdictText verdict={c.from} /> },
  { id: 'to', title: 'After', render: (c) => <VerdictText verdict={c.to} /> },
  { id: 'frames', title: 'Frames', number: true, render: (c) => <span title={bytes(c.bytes)}>{count(c.frames)}</span> },
  {
    id: 'last_seen',
    title: 'Last seen',
    render: (c) => (
      <>
        <Time at={c.last_seen} relative />
        {c.ended === true ? <span className="fcr-subtle"> (ended)</span> : null}
      </>
    ),
  },
];

/** Counts is which verdicts become which, and for how many flows. */
function Counts({ run }: { run: Run }) {
  if (run.counts.length === 0) return null;
  return (
    <ul className="pf-v6-c-list" aria-label="Verdicts that change">
      {run.counts.map((c) => (
        <li key={verdictKey(c.from) + verdictKey(c.to)}>
          <span className="fcr-number">{plural(c.flows, 'flow')}</span>: <VerdictText verdict={c.from} /> → <VerdictText verdict={c.to} />
        </li>
      ))}
    </ul>
  );
}

/** Result is what a run found, with what it could not know. */
function Result({ run }: { run: Run }) {
  return (
    <>
      <Alert isInline isPlain variant={run.changed > 0 ? 'warning' : 'info'} title={dryRunSentence(run)} />
      {run.complete ? null : (
        <Alert isInline variant="warning" title="Flows that have ended are missing here">
          The database does not answer, or has too many of them. What is counted is what the data plane knows now: more flows than these may be met by the change.
        </Alert>
      )}
      <p className="fcr-subtle">
        {run.ended > 0 ? `${plural(run.ended, 'of them has', 'of them have')} ended. ` : ''}
        {run.other_policy > 0 ? `${plural(run.other_policy, 'flow keeps its verdict', 'flows keep their verdict')} by another policy. ` : ''}
        Asked <Time at={run.at} />, of the pending configuration as it was then. Traffic that was not seen is not asked about.
      </p>
      <Counts run={run} />
    </>
  );
}

/**
 * DryRun asks which flows of the last minutes would get another verdict by the pending configuration, and shows them. It asks
 * when it is shown, when an edit is made in this console, and when one wants it to; edits of others are only said, since asking
 * about a million flows is not free.
 */
export function DryRun({ minutes: initial = 10 }: { minutes?: number }) {
  const id = useId();
  const [minutes, setMinutes] = useState(initial);
  const { change } = useChange();
  const run = useInfiniteQuery({
    queryKey: ['post', '/api/v1/change/dry-run', minutes],
    queryFn: ({ pageParam }) => ask(minutes, pageParam),
    initialPageParam: firstPage(),
    getNextPageParam: (last) => last.next_cursor,
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const first = run.data?.pages[0];
  const changes = useMemo(() => run.data?.pages.flatMap((p) => p.changes), [run.data]);
  const edited = first !== undefined && !run.isFetching && change?.pending !== undefined && Date.parse(change.pending.changed) > Date.parse(first.at);
  const again = () => void run.refetch();
  return (
    <section className="fcr-stack" aria-label="Dry run" aria-busy={run.isFetching}>
      <Flex gap={{ default: 'gapSm' }} alignItems={{ default: 'alignItemsCenter' }}>
        <label htmlFor={id}>Flows of the last</label>
        <FlexItem>
          <FormSelect id={id} value={minutes} onChange={(_, v) => setMinutes(Number(v))}>
            {[...new Set([...ranges, initial])].sort((a, b) => a - b).map((m) => (
              <FormSelectOption key={m} value={m} label={spanText(m)} />
            ))}
          </FormSelect>
        </FlexItem>
        <Button variant="secondary" isLoading={run.isFetching} isDisabled={run.isFetching} onClick={again}>
          Run again
        </Button>
      </Flex>
      {edited && <Alert isInline variant="info" title="The pending configuration was edited since: run it again" />}
      {run.error !== null && <Problem error={run.error} again={again} />}
      {run.isPending && <Skeleton screenreaderText="Asking about every flow" height="6rem" />}
      {first === undefined ? null : <Result run={first} />}
      {first === undefined || first.changed === 0 ? null : (
        <DataTable
          label="Flows whose verdict changes"
          columns={columns}
          items={changes}
          keyOf={(c) => c.flow}
          total={first.changed}
          emptyTitle="No flow changes verdict"
          empty="Nothing would be decided otherwise."
          more={{ has: run.hasNextPage, loading: run.isFetchingNextPage, load: () => void run.fetchNextPage() }}
        />
      )}
    </section>
  );
}
