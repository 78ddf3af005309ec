import { Alert, Button, Title } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, query, type Schema } from '../../api/client';
import { useCan } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { count } from '../../components/format';
import { State, type Tone } from '../../components/State';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';
import { consequence, ordersFor, type Order } from './consequences';

type Instance = Schema['RoleInstance'];

const tones: Record<string, Tone> = { running: 'good', standby: 'good', failed: 'bad', dead: 'bad', stopped: 'warning' };

const columns: readonly Column<Instance>[] = [
  { id: 'role', title: 'Role', render: (i) => i.role },
  { id: 'instance', title: 'Shard and instance', render: (i) => `${i.shard}/${i.instance}${i.active ? '' : ', stands by'}` },
  {
    id: 'state',
    title: 'State',
    render: (i) => (
      <>
        <State tone={i.health !== undefined && i.health !== '' ? 'warning' : (tones[i.state] ?? 'info')} text={i.state} />
        {i.wanted === 'stop' && i.state !== 'stopped' && ' to be stopped'}
      </>
    ),
  },
  { id: 'since', title: 'Since', render: (i) => <Time at={i.since} relative /> },
  { id: 'health', title: 'Health', render: (i) => (i.health === undefined || i.health === '' ? 'well' : i.health) },
  { id: 'restarts', title: 'Restarts', number: true, render: (i) => count(i.restarts) },
  { id: 'error', title: 'Last error', render: (i) => i.last_error ?? '–' },
  { id: 'process', title: 'Process', number: true, render: (i) => i.pid ?? '–' },
];

/** Log is what a role's events say: REST has no log file. */
function Log({ role, onClose }: { role: string; onClose: () => void }) {
  const list = query.useQuery('get', '/api/v1/events', { params: { query: { type: ['role'], match: [`role:${role}`], limit: 20 } } }, { refetchInterval: 5_000 });
  const cols: readonly Column<Schema['Event']>[] = [
    { id: 'at', title: 'Time', render: (e) => <Time at={e.at} /> },
    { id: 'severity', title: 'Severity', render: (e) => e.severity },
    { id: 'text', title: 'What happened', render: (e) => e.text },
  ];
  return (
    <section aria-label={`Events of role ${role}`}>
      <Title headingLevel="h2" size="lg">
        Events of role {role}{' '}
        <Button variant="link" isInline onClick={onClose}>
          Close
        </Button>
      </Title>
      <p className="fcr-subtle">
        These are its events, not its log: that is in the journal of the machine (journalctl -u fcr-mgmtd), and in a support bundle.{' '}
        <Link href={`/events?type=role&match=role:${role}`}>All its events</Link>
      </p>
      <DataTable
        label={`Events of role ${role}`}
        columns={cols}
        items={list.data?.items}
        keyOf={(e) => String(e.number)}
        error={list.error}
        again={() => void list.refetch()}
        emptyTitle="No events"
        empty="The log of events has none of this role."
      />
    </section>
  );
}

const titles: Record<Order, string> = { restart: 'Restart', stop: 'Stop', start: 'Start' };

/** Roles lists who runs which role; whoever may, restarts, stops and starts them. */
export function Roles({ role, onRole }: { role: string; onRole: (r: string) => void }) {
  const client = useQueryClient();
  const toast = useToast();
  const may = useCan('role.control');
  const [asking, ask] = useState<{ order: Order; instance: Instance }>();
  const list = query.useQuery('get', '/api/v1/roles', { params: { query: { limit: 500 } } }, { refetchInterval: 3_000 });
  const order = async (what: Order, name: string, shard: number) => {
    const init = { params: { path: { role: name }, query: { shard } } };
    const paths = { restart: '/api/v1/roles/{role}/restart', stop: '/api/v1/roles/{role}/stop', start: '/api/v1/roles/{role}/start' } as const;
    const { data } = await api.POST(paths[what], init);
    const title = `${titles[what]} of role ${name}`;
    toast(data?.done === true ? { title: `${title}: done`, variant: 'success' } : { title: `${title} is noted, and happens as soon as it can`, variant: 'info' });
    void client.invalidateQueries({ queryKey: ['get', '/api/v1/roles'] });
  };
  return (
    <div className="fcr-stack">
      <div>
        <DataTable
          label="Instances of roles"
          columns={columns}
          items={list.data?.items}
          keyOf={(i) => `${i.role}/${i.shard}/${i.instance}`}
          error={list.error}
          again={() => void list.refetch()}
          onOpen={(i) => onRole(i.role)}
          rowActions={may ? (i) => ordersFor(i.role, i.wanted).map((o) => ({ title: titles[o], isDanger: o === 'stop', onClick: () => ask({ order: o, instance: i }) })) : undefined}
          emptyTitle="No roles"
          empty="No management process runs."
        />
      </div>
      {role !== '' && <Log role={role} onClose={() => onRole('')} />}
      {asking !== undefined && (
        <Confirm
          title={`${titles[asking.order]} role ${asking.instance.role}/${asking.instance.shard}?`}
          action={`${titles[asking.order]} role`}
          danger={asking.order !== 'start'}
          onClose={() => ask(undefined)}
          onConfirm={() => order(asking.order, asking.instance.role, asking.instance.shard)}
        >
          {consequence(asking.order, asking.instance.role)}
          {asking.order === 'stop' && asking.instance.role === 'event' && (
            <Alert isInline variant="danger" className="fcr-space" title="It cannot be started from here then: on the machine, fcrctl role start event does">
              Starting it is one of the changes that are refused.
            </Alert>
          )}
        </Confirm>
      )}
    </div>
  );
}
