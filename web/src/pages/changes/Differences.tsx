import { Skeleton, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, type Schema } from '../../api/client';
import { useChange } from '../../app/change';
import { plural } from '../../components/format';
import { Problem } from '../../components/Problem';
import { State, type Tone } from '../../components/State';
import { Name } from '../../components/Wwn';
import { DiffText } from './DiffText';
import { pageOf } from './steps';

type ObjectChange = Schema['ObjectChange'];

const tones: Record<ObjectChange['what'], Tone> = { added: 'good', removed: 'bad', changed: 'info', moved: 'neutral' };

/** useDifference is what the pending configuration changes: asked for again whenever either of the two is another one. */
export function useDifference() {
  const { change } = useChange();
  return useQuery({
    queryKey: ['post', '/api/v1/change/diff', change?.pending?.changed ?? '', change?.active.document ?? ''],
    queryFn: async () => (await api.POST('/api/v1/change/diff')).data ?? null,
    enabled: change?.pending !== undefined,
    staleTime: Infinity,
  });
}

function Fields({ of }: { of: ObjectChange }) {
  const moved = of.moved === true && of.from !== undefined && of.to !== undefined;
  if (!moved && (of.fields ?? []).length === 0) return <span className="fcr-subtle">–</span>;
  return (
    <>
      {moved && (
        <div>
          place: <span className="fcr-number">{of.from}</span> → <span className="fcr-number">{of.to}</span>
        </div>
      )}
      {of.fields?.map((f) => (
        <div key={f.field}>
          {f.field}: {f.before !== undefined && f.before !== '' && <del className="fcr-before fcr-subtle">{f.before}</del>}
          {f.before !== undefined && f.before !== '' && f.after !== undefined && f.after !== '' ? ' → ' : ''}
          {f.after !== undefined && f.after !== '' && <ins className="fcr-after">{f.after}</ins>}
        </div>
      ))}
    </>
  );
}

const Objects = ({ changes }: { changes: readonly ObjectChange[] }) => (
  <div className="fcr-scroll">
    <Table aria-label="What changes, by object" variant="compact">
      <Thead>
        <Tr>
          <Th modifier="nowrap">Object</Th>
          <Th>What</Th>
          <Th>Before → after</Th>
        </Tr>
      </Thead>
      <Tbody>
        {changes.map((c) => {
          const page = c.what === 'removed' ? undefined : pageOf(c.kind, c.name);
          return (
            <Tr key={c.kind + ' ' + c.name}>
              <Td dataLabel="Object">
                {c.kind} {page === undefined ? <Name name={c.name} /> : <Link href={page}><Name name={c.name} /></Link>}
              </Td>
              <Td dataLabel="What">
                <State tone={tones[c.what]} text={c.what === 'changed' && c.moved === true ? 'changed and moved' : c.what} />
              </Td>
              <Td dataLabel="Before → after">
                <Fields of={c} />
              </Td>
            </Tr>
          );
        })}
      </Tbody>
    </Table>
  </div>
);

/** Differences is what the pending configuration changes, by object or as text. */
export function Differences({ as, onAs }: { as: string; onAs: (as: string) => void }) {
  const { data, error, refetch, isPending } = useDifference();
  if (error !== null) return <Problem error={error} again={() => void refetch()} />;
  if (isPending || data === null) return <Skeleton screenreaderText="Comparing" height="6rem" />;
  if (data.changes.length === 0 && data.text === '') return <p>What is pending is the same as what decides. Applying it would change nothing; it can be discarded.</p>;
  return (
    <div className="fcr-stack">
      <div className="fcr-changes-head">
        <span className="fcr-subtle">
          {plural(data.changes.length, 'object')} against revision {data.from.revision}
        </span>
        <ToggleGroup aria-label="Form of the difference">
          <ToggleGroupItem text="By object" isSelected={as !== 'text'} onChange={() => onAs('objects')} />
          <ToggleGroupItem text="As text" isSelected={as === 'text'} onChange={() => onAs('text')} />
        </ToggleGroup>
      </div>
      {as === 'text' ? <DiffText text={data.text} label="Difference as text" /> : <Objects changes={data.changes} />}
    </div>
  );
}
