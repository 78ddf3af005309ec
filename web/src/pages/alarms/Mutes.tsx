import { useState } from 'react';
import { api, query, type Schema } from '../../api/client';
import { useCan } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';
import { subjectOf } from './subject';
import { useForgetAlarms } from './view';

type Mute = Schema['Mute'];

const what = (m: Mute): string => {
  const subject = m.subject === undefined || m.subject === '' ? undefined : subjectOf(m.subject).text;
  if (m.code === undefined || m.code === '') return subject === undefined ? 'Every alarm' : `Every alarm of ${subject}`;
  return subject === undefined ? `Every ${m.code}` : `${m.code} of ${subject}`;
};

const columns: readonly Column<Mute>[] = [
  { id: 'what', title: 'Alarms', render: what },
  { id: 'reason', title: 'Reason', render: (m) => <Name name={m.reason} /> },
  { id: 'by', title: 'By', render: (m) => <Name name={m.by} /> },
  { id: 'at', title: 'Since', render: (m) => <Time at={m.at} /> },
  { id: 'until', title: 'Until', render: (m) => <Time at={m.until} /> },
];

/** Mutes lists the mutes in force, and ends them. */
export function Mutes() {
  const list = query.useQuery('get', '/api/v1/alarms/mutes', {}, { refetchInterval: 15_000 });
  const forget = useForgetAlarms();
  const may = useCan('alarm.write');
  const [ending, setEnding] = useState<Mute>();
  return (
    <>
      <DataTable
        label="Mutes in force"
        columns={columns}
        items={list.data?.items}
        keyOf={(m) => m.id}
        error={list.error}
        again={() => void list.refetch()}
        rowActions={may ? (m) => [{ title: 'End mute', onClick: () => setEnding(m) }] : undefined}
        emptyTitle="Nothing is muted"
        empty="Webhooks are told of all alarms that they want. An alarm is muted from its row under Alarms."
      />
      {ending !== undefined && (
        <Confirm
          title={`End the mute of ${what(ending)}?`}
          action="End mute"
          danger={false}
          onClose={() => setEnding(undefined)}
          onConfirm={async () => {
            await api.DELETE('/api/v1/alarms/mutes/{id}', { params: { path: { id: ending.id } } });
            forget();
          }}
        >
          Webhooks are told again, at once of what is wrong now.
        </Confirm>
      )}
    </>
  );
}
