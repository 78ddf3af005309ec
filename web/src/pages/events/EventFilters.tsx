import { Label, LabelGroup } from '@patternfly/react-core';
import { useMemo, useState } from 'react';
import { query } from '../../api/client';
import { FilterSelect, Filters, FilterText, FilterTime } from '../../components/Filters';
import { matchList, matchOf, withMatch, withoutMatch, type FilterView } from './filter';

const severityOptions = [
  { value: '', label: 'Any' },
  { value: 'notice', label: 'Notice and worse' },
  { value: 'warning', label: 'Warning and worse' },
  { value: 'error', label: 'Error and worse' },
  { value: 'critical', label: 'Critical' },
];

/** useKinds are the types of events but those of the audit log, which has a place of its own. */
function useKinds() {
  const kinds = query.useQuery('get', '/api/v1/events/catalogue', {}, { staleTime: Infinity });
  return useMemo(() => kinds.data?.items.filter((k) => k.category !== 'audit') ?? [], [kinds.data]);
}

/** MatchFilter asks for the value of a field. */
function MatchFilter({ view, set }: { view: FilterView; set: (c: Partial<FilterView>) => void }) {
  const kinds = useKinds();
  const [field, setField] = useState('');
  const names = useMemo(() => {
    const within = kinds.filter((k) => (view.type === '' || k.type === view.type || k.type.startsWith(view.type + '.')) && (view.category === '' || k.category === view.category));
    return [...new Set(within.flatMap((k) => k.fields.filter((f) => f.kind === 'text').map((f) => f.name)))].sort();
  }, [kinds, view.type, view.category]);
  return (
    <>
      <FilterSelect label="Field" value={field} options={[{ value: '', label: 'Choose a field' }, ...names.map((n) => ({ value: n, label: n }))]} onChange={setField} />
      {field !== '' && (
        <FilterText
          key={field}
          label={`Value of ${field}`}
          value=""
          placeholder="value, or beginning*"
          onChange={(v) => {
            if (v === '') return;
            set({ match: withMatch(view.match, matchOf(field, v)) });
            setField('');
          }}
        />
      )}
    </>
  );
}

/** EventFilters narrow the list of events. */
export function EventFilters({ view, set }: { view: FilterView; set: (c: Partial<FilterView>) => void }) {
  const kinds = useKinds();
  const types = kinds.filter((k) => view.category === '' || k.category === view.category).map((k) => k.type);
  const beginnings = [...new Set(types.map((t) => t.split('.')[0] ?? t))].filter((b) => types.filter((t) => t.startsWith(b + '.')).length > 1);
  const typeOptions = [{ value: '', label: 'Any' }, ...beginnings.map((b) => ({ value: b, label: `${b}: all` })), ...types.map((t) => ({ value: t, label: t }))].sort((a, b) => a.value.localeCompare(b.value));
  const categories = [{ value: '', label: 'Any' }, ...[...new Set(kinds.map((k) => k.category))].sort().map((c) => ({ value: c, label: c }))];
  const any = view.type + view.category + view.severity + view.since + view.until + view.match !== '';
  const chips = matchList(view.match);
  return (
    <>
      <Filters clear={any ? () => set({ type: '', category: '', severity: '', since: '', until: '', match: '' }) : undefined}>
        <FilterSelect label="Category" value={view.category} options={categories} onChange={(category) => set({ category, type: '' })} />
        {/* The log has no search over texts: "/" goes to the types, which is how one looks for an event. */}
        <div data-search>
          <FilterSelect label="Type" value={view.type} options={typeOptions} onChange={(type) => set({ type })} />
        </div>
        <FilterSelect label="Severity" value={view.severity} options={severityOptions} onChange={(severity) => set({ severity })} />
        <FilterTime label="From" value={view.since} onChange={(since) => set({ since })} />
        <FilterTime label="To" value={view.until} onChange={(until) => set({ until })} />
        <MatchFilter view={view} set={set} />
      </Filters>
      {chips.length > 0 && (
        <LabelGroup categoryName="Where">
          {chips.map((m) => (
            <Label key={m} onClose={() => set({ match: withoutMatch(view.match, m) })} closeBtnAriaLabel={`No longer only ${m}`}>
              {m.replace(':', ' is ')}
            </Label>
          ))}
        </LabelGroup>
      )}
    </>
  );
}
