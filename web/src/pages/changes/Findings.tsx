import { Alert, Skeleton } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, type Schema } from '../../api/client';
import { useChange } from '../../app/change';
import { plural } from '../../components/format';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { Name } from '../../components/Wwn';
import { pageOf } from './steps';

/** useValidation is what is wrong with what is pending. Ports may come and go, so it is asked for again now and then. */
export function useValidation() {
  const { change } = useChange();
  return useQuery({
    queryKey: ['post', '/api/v1/change/validate', change?.pending?.changed ?? '', change?.active.document ?? ''],
    queryFn: async () => (await api.POST('/api/v1/change/validate')).data ?? null,
    enabled: change !== undefined,
    staleTime: 10_000,
    refetchInterval: 60_000,
  });
}

function Subject({ finding: f }: { finding: Schema['Finding'] }) {
  if (f.kind === undefined || f.name === undefined || f.name === '') return <span className="fcr-mono">{f.object ?? 'the whole'}</span>;
  const page = pageOf(f.kind, f.name);
  return (
    <>
      {f.kind} {page === undefined ? <Name name={f.name} /> : <Link href={page}><Name name={f.name} /></Link>}
    </>
  );
}

const List = ({ findings }: { findings: readonly Schema['Finding'][] }) => (
  <div className="fcr-scroll">
    <Table aria-label="Findings" variant="compact">
      <Thead>
        <Tr>
          <Th>Severity</Th>
          <Th>Object</Th>
          <Th>What is found</Th>
          <Th>What to do</Th>
        </Tr>
      </Thead>
      <Tbody>
        {findings.map((f, i) => (
          <Tr key={i}>
            <Td dataLabel="Severity">
              <State tone={f.severity === 'error' ? 'bad' : 'warning'} text={f.severity} title={f.code} />
            </Td>
            <Td dataLabel="Object">
              <Subject finding={f} />
            </Td>
            <Td dataLabel="What is found">
              {f.message}
              {f.line === undefined ? null : (
                <span className="fcr-subtle">
                  {' '}
                  (line <Link href={`/changes?tab=document&line=${f.line}`}>{f.line}</Link>)
                </span>
              )}
            </Td>
            <Td dataLabel="What to do">{f.cure ?? '–'}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  </div>
);

/** Findings is whether what is pending can be applied, and what in it is hardly meant. */
export function Findings() {
  const { change } = useChange();
  const { data, error, refetch, isPending } = useValidation();
  if (error !== null) return <Problem error={error} again={() => void refetch()} />;
  if (isPending || data === null) return <Skeleton screenreaderText="Checking" height="3rem" />;
  const holds = `${plural(data.policies, 'policy', 'policies')}, ${plural(data.services, 'service')}, ${plural(data.aliases, 'alias', 'aliases')}, ${plural(data.sets, 'set')}`;
  const good = change?.pending === undefined ? 'What decides is right' : 'It can be applied';
  return (
    <div className="fcr-stack">
      <Alert
        isInline
        component="h3"
        variant={!data.valid ? 'danger' : data.warnings > 0 ? 'warning' : 'success'}
        title={!data.valid ? `It cannot be applied: ${plural(data.errors, 'error')}` : data.warnings > 0 ? `${good}; ${plural(data.warnings, 'thing')} in it may not be meant` : good}
      >
        It has {holds}.
      </Alert>
      {data.findings.length > 0 && <List findings={data.findings} />}
    </div>
  );
}
