import { EmptyState, EmptyStateBody, Skeleton } from '@patternfly/react-core';
import { useMemo, useState } from 'react';
import { query } from '../../api/client';
import { asProblem } from '../../api/problem';
import { FilterSelect, Filters, FilterText } from '../../components/Filters';
import { plural } from '../../components/format';
import { Problem } from '../../components/Problem';
import { useToast } from '../../components/Toasts';
import { Acknowledge } from './Acknowledge';
import { AlarmRow } from './AlarmRow';
import { MuteDialog } from './MuteDialog';
import { useAlarmList, useForgetAlarms, type AlarmView } from './view';
import type { Alarm } from './words';

/** So few alarms are opened by themselves: who comes at night reads at once what to do. */
const openedByThemselves = 3;

const showOptions = [
  { value: 'present', label: 'Present' },
  { value: 'suppressed', label: 'Explained by another' },
  { value: 'cleared', label: 'Cleared' },
  { value: 'all', label: 'All, with cleared ones' },
];
const severityOptions = [
  { value: '', label: 'Any' },
  { value: 'major', label: 'Major and critical' },
  { value: 'critical', label: 'Critical' },
];
const handledOptions = [
  { value: '', label: 'Any' },
  { value: 'no', label: 'Not yet' },
  { value: 'yes', label: 'Yes' },
];

function AlarmFilters({ view, set }: { view: AlarmView; set: (c: Partial<AlarmView>) => void }) {
  const kinds = query.useQuery('get', '/api/v1/alarms/catalogue', {}, { staleTime: Infinity });
  const codes = [{ value: '', label: 'Any' }, ...(kinds.data?.items.map((k) => ({ value: k.code, label: k.code })) ?? [])];
  const narrowed = view.severity !== '' || view.code !== '' || view.subject !== '' || view.handled !== '';
  return (
    <Filters clear={narrowed ? () => set({ severity: '', code: '', subject: '', handled: '' }) : undefined}>
      <FilterSelect label="Show" value={view.show} options={showOptions} onChange={(show) => set({ show })} />
      <FilterSelect label="Severity" value={view.severity} options={severityOptions} onChange={(severity) => set({ severity })} />
      <FilterSelect label="Code" value={view.code} options={codes} onChange={(code) => set({ code })} />
      <FilterSelect label="Handled" value={view.handled} options={handledOptions} onChange={(handled) => set({ handled })} />
      <FilterText label="Subject" search value={view.subject} placeholder="service/inspect" onChange={(subject) => set({ subject })} />
    </Filters>
  );
}

function Nothing({ view }: { view: AlarmView }) {
  const quiet = view.show === 'present' && view.severity === '' && view.code === '' && view.subject === '' && view.handled === '';
  return (
    <EmptyState titleText={quiet ? 'No alarms' : 'No such alarms'} headingLevel="h2" variant="sm" {...(quiet ? { status: 'success' as const } : {})}>
      <EmptyStateBody>{quiet ? 'Nothing is wrong that this node knows of. What was is found under Cleared.' : 'No alarm fits the filter. Clear it, or choose All.'}</EmptyStateBody>
    </EmptyState>
  );
}

/** AlarmList is the alarms that the filter selects, the most urgent first; the appliance orders them. */
export function AlarmList({ view, set }: { view: AlarmView; set: (c: Partial<AlarmView>, push?: boolean) => void }) {
  const list = useAlarmList(view);
  const forget = useForgetAlarms();
  const toast = useToast();
  const [toggled, setToggled] = useState<Record<string, boolean>>({});
  const [acknowledging, setAcknowledging] = useState<Alarm>();
  const [muting, setMuting] = useState<Alarm>();
  const unacknowledge = query.useMutation('post', '/api/v1/alarms/{id}/unacknowledge', {
    onSuccess: forget,
    onError: (e) => toast({ title: asProblem(e).title, text: asProblem(e).detail, variant: 'danger' }),
  });
  const items = list.data?.items;
  const few = useMemo(() => (items?.length ?? 0) <= openedByThemselves, [items]);
  if (items === undefined && list.isError) return <Problem error={list.error} again={() => void list.refetch()} />;
  return (
    <>
      <AlarmFilters view={view} set={set} />
      {list.isError && <Problem error={list.error} again={() => void list.refetch()} title="The alarms could not be read again; they may be old" />}
      {items === undefined && <Skeleton height="5rem" screenreaderText="Loading" />}
      {items?.length === 0 && <Nothing view={view} />}
      {items !== undefined && items.length > 0 && (
        <div className="fcr-alarms" role="feed" aria-label="Alarms">
          {items.map((a) => {
            const open = toggled[a.id] ?? (view.open === a.id || (few && a.state !== 'cleared'));
            return (
              <AlarmRow
                key={a.id}
                alarm={a}
                open={open}
                wanted={view.open === a.id}
                onToggle={() => {
                  setToggled((t) => ({ ...t, [a.id]: !open }));
                  set({ open: open ? '' : a.id });
                }}
                onAcknowledge={() => setAcknowledging(a)}
                onUnacknowledge={() => unacknowledge.mutate({ params: { path: { id: a.id } } })}
                onMute={() => setMuting(a)}
              />
            );
          })}
        </div>
      )}
      {items !== undefined && items.length > 0 && (
        <p className="fcr-subtle fcr-space" role="status">
          {list.data?.total !== undefined && list.data.total > items.length ? `The first ${items.length} of ${plural(list.data.total, 'alarm')}: narrow the filter to see others` : plural(items.length, 'alarm')}
        </p>
      )}
      {acknowledging !== undefined && <Acknowledge alarm={acknowledging} onDone={forget} onClose={() => setAcknowledging(undefined)} />}
      {muting !== undefined && <MuteDialog alarm={muting} onDone={forget} onClose={() => setMuting(undefined)} />}
    </>
  );
}
