import { useMemo } from 'react';
import { Link } from 'wouter';
import { query, type Schema } from '../../api/client';
import { DataTable, type Column } from '../../components/DataTable';
import { Filters, FilterText } from '../../components/Filters';
import { duration } from '../../components/format';
import { State } from '../../components/State';
import { sentence, severityTone } from './words';

type Kind = Schema['AlarmKind'];

const columns: readonly Column<Kind>[] = [
  { id: 'code', title: 'Code', render: (k) => <Link href={`/alarms?show=all&code=${encodeURIComponent(k.code)}`} className="fcr-mono">{k.code}</Link> },
  { id: 'severity', title: 'Severity', render: (k) => <State tone={severityTone[k.severity]} text={k.severity} /> },
  {
    id: 'text',
    title: 'What it says',
    render: (k) => (
      <div className="fcr-alarm-kind">
        <strong>{sentence(k.title)}</strong>
        <p>
          <span className="fcr-subtle">Consequence:</span> {sentence(k.consequence)}
        </p>
        <p>
          <span className="fcr-subtle">What to do:</span> {sentence(k.action)}
        </p>
        <p>
          <span className="fcr-subtle">Cause:</span> {sentence(k.cause)}
        </p>
      </div>
    ),
  },
  {
    id: 'times',
    title: 'When it shows',
    render: (k) => (
      <div className="fcr-alarm-when">
        {k.occurrence ? `When it happens; over after ${duration(k.clear_s)} without` : `After ${duration(k.raise_s)}; over after ${duration(k.clear_s)}`}
        {k.depends_on.length > 0 && <p className="fcr-subtle">Not while {k.depends_on.join(' or ')} explains it</p>}
      </div>
    ),
  },
];

/** Catalogue is every alarm that there can be, to look a code up. */
export function Catalogue({ search, onSearch }: { search: string; onSearch: (v: string) => void }) {
  const kinds = query.useQuery('get', '/api/v1/alarms/catalogue', {}, { staleTime: Infinity });
  const items = useMemo(() => {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    return kinds.data?.items.filter((k) => {
      const text = [k.code, k.title, k.cause, k.consequence, k.action].join(' ').toLowerCase();
      return words.every((w) => text.includes(w));
    });
  }, [kinds.data, search]);
  return (
    <>
      <Filters clear={search === '' ? undefined : () => onSearch('')}>
        <FilterText label="Code or words" search value={search} placeholder="database" onChange={onSearch} />
      </Filters>
      <DataTable
        label="All codes of alarms"
        columns={columns}
        items={items}
        keyOf={(k) => k.code}
        error={kinds.error}
        again={() => void kinds.refetch()}
        total={kinds.data?.items.length}
        emptyTitle="No such code"
        empty="No alarm has these words. Fewer of them find more."
      />
    </>
  );
}
