import { Alert, Button, Content, List, ListItem, TextInput } from '@patternfly/react-core';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, query, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useChange, useForgetConfiguration } from '../../app/change';
import { DataTable, type Column } from '../../components/DataTable';
import { plural } from '../../components/format';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';

type Port = Schema['Port'];
type Login = Schema['Login'];

const refetchMs = 2_000;

const speed = (mbps: number) => (mbps === 0 ? 'not known' : mbps >= 1000 ? `${mbps / 1000} Gbit/s` : `${mbps} Mbit/s`);

const portColumns: readonly Column<Port>[] = [
  { id: 'name', title: 'Port', render: (p) => p.name },
  { id: 'role', title: 'Role', render: (p) => p.role },
  { id: 'link', title: 'Link', render: (p) => (p.up ? <State tone="good" text="up" /> : <State tone="bad" text="down" />) },
  { id: 'speed', title: 'Speed', number: true, render: (p) => (p.up ? speed(p.speed_mbps) : '–') },
  { id: 'pair', title: 'Crosses to', render: (p) => p.pair ?? '–' },
  { id: 'frames', title: 'Frames in', number: true, render: (p) => p.counters.frames_in.toLocaleString('en') },
  { id: 'mac', title: 'MAC', render: (p) => <span className="fcr-mono">{p.mac ?? '–'}</span> },
];

/** Ports is whether cables are where they belong, before anybody looks for more. */
export function Ports() {
  const { data, error, refetch } = query.useQuery('get', '/api/v1/ports', { params: { query: { limit: 500 } } }, { refetchInterval: refetchMs });
  const down = data?.items.filter((p) => !p.up) ?? [];
  const silent = data?.items.filter((p) => p.up && p.role !== 'service' && p.counters.frames_in === 0) ?? [];
  return (
    <div className="fcr-stack">
      <Content component="p">
        Edge ports lead to hosts, fabric ports to switches and storage; what no policy takes out crosses from the one to the other. Service ports lead to what inspects or changes the traffic.
      </Content>
      {data !== undefined && down.length === 0 && silent.length === 0 && <Alert isInline variant="success" title={`All ${plural(data.items.length, 'port')} have a link`} />}
      {down.length > 0 && (
        <Alert isInline variant="warning" title={down.length === 1 ? `Port ${down[0]?.name} has no link` : `${down.length} ports have no link: ${down.map((p) => p.name).join(', ')}`}>
          Look at the cable, the module and the other end. This list follows by itself.
        </Alert>
      )}
      {silent.length > 0 && (
        <Alert isInline variant="info" title={`No frame came in yet on ${silent.map((p) => p.name).join(', ')}`}>
          A switch sends frames by itself; a host does when it starts.
        </Alert>
      )}
      <div>
        <DataTable label="Ports" columns={portColumns} items={data?.items} keyOf={(p) => p.name} error={error} again={() => void refetch()} emptyTitle="No ports" empty="The boot file of the data plane names them: fcr-dataplane check says what it means." />
      </div>
    </div>
  );
}

/** A name that is typed for a WWPN, and what became of it. */
interface Naming {
  text: string;
  error?: string;
}

/** saveNames makes aliases of what was typed, one after the other; it says which were refused, and why. */
async function saveNames(typed: ReadonlyMap<string, Naming>): Promise<Map<string, Naming>> {
  const left = new Map<string, Naming>();
  for (const [wwpn, { text }] of typed) {
    const name = text.trim();
    if (name === '') continue;
    try {
      await api.PUT('/api/v1/aliases/{name}', { params: { path: { name }, header: { 'If-None-Match': '*' } }, body: { wwpn } });
    } catch (e) {
      const p = asProblem(e);
      left.set(wwpn, { text, error: p.status === 412 ? 'There is an alias of this name already.' : (p.fields?.[0]?.message ?? p.detail ?? p.title) });
    }
  }
  return left;
}

/** Fabric is who is logged in, as they come, and offers to name them. */
export function Fabric() {
  const logins = query.useQuery('get', '/api/v1/logins', { params: { query: { limit: 200, sort: 'role' } } }, { refetchInterval: refetchMs });
  const aliases = query.useQuery('get', '/api/v1/aliases', { params: { query: { limit: 1000, on: 'pending' } } });
  const forget = useForgetConfiguration();
  const [typed, setTyped] = useState<ReadonlyMap<string, Naming>>(new Map());
  const [busy, setBusy] = useState(false);
  const named = new Map(aliases.data?.items.map((a) => [a.wwpn, a.name ?? '']));

  const save = async () => {
    setBusy(true);
    setTyped(await saveNames(typed));
    setBusy(false);
    forget();
  };
  const columns: readonly Column<Login>[] = [
    { id: 'wwpn', title: 'WWPN', render: (l) => <span className="fcr-mono">{l.wwpn}</span> },
    { id: 'role', title: 'Role', render: (l) => l.role },
    { id: 'port', title: 'On port', render: (l) => l.port ?? '–' },
    { id: 'seen', title: 'Seen last', render: (l) => <Time at={l.last_seen} relative /> },
    {
      id: 'name',
      title: 'Name',
      render: (l) => {
        if (l.wwpn === '') return '–';
        const name = named.get(l.wwpn);
        if (name !== undefined) return <Name name={name} />;
        const mine = typed.get(l.wwpn);
        return (
          <>
            <TextInput
              aria-label={`Name for ${l.wwpn}`}
              value={mine?.text ?? ''}
              onChange={(_, text) => setTyped(new Map(typed).set(l.wwpn, { text }))}
              maxLength={64}
              validated={mine?.error === undefined ? 'default' : 'error'}
              placeholder="for instance oracle-1"
            />
            {mine?.error !== undefined && <span role="alert">{mine.error}</span>}
          </>
        );
      },
    },
  ];
  const some = [...typed.values()].filter((n) => n.text.trim() !== '').length;
  return (
    <div className="fcr-stack">
      <Content component="p">
        Hosts and storage appear here as they log in to the fabric. A name is shown wherever its WWPN is; names are pending edits like any other, and can be given later as well.
      </Content>
      <div>
        <DataTable label="Logins" columns={columns} items={logins.data?.items} keyOf={(l) => `${l.fabric}-${l.vsan}-${l.fc_id}`} error={logins.error} again={() => void logins.refetch()} total={logins.data?.total} emptyTitle="Nobody is logged in yet" empty="They appear here by themselves. A host that was connected before the appliance logs in again when its link comes up." />
      </div>
      {(some > 0 || busy) && (
        <div>
          <Button variant="secondary" onClick={() => void save()} isLoading={busy} isDisabled={busy}>
            Keep {plural(some, 'name')} as pending
          </Button>
        </div>
      )}
    </div>
  );
}

/** Done says what is and what is not, and where to go on. */
export function Done() {
  const { change } = useChange();
  const edits = change?.pending?.edits ?? 0;
  const policies = query.useQuery('get', '/api/v1/policies', { params: { query: { limit: 1, on: 'active' } } });
  const some = policies.data?.total ?? policies.data?.items.length ?? 0;
  return (
    <div className="fcr-stack">
      <Alert isInline variant="success" title={some === 0 ? 'Monitor only: nothing is redirected until you make a policy and apply it' : `The appliance is set up; ${plural(some, 'policy decides', 'policies decide')} already`}>
        {some === 0 ? null : 'The data plane was started with them. What no policy matches takes its direct way.'}
      </Alert>
      {edits > 0 && (
        <Alert isInline variant="info" title={`${plural(edits, 'edit is', 'edits are')} pending`}>
          <Link href="/changes">Look at them and apply them</Link>: names count from then on.
        </Alert>
      )}
      <List>
        <ListItem>
          <Link href="/flows">Flows</Link>: who talks to whom, and how much. From one of them a policy can be made.
        </ListItem>
        <ListItem>
          <Link href="/topology">Topology</Link>: hosts, ports, services and targets in one picture.
        </ListItem>
        <ListItem>
          <Link href="/users">Users and tokens</Link>: accounts with fewer rights, for people and for programs.
        </ListItem>
        <ListItem>
          <Link href="/system">System</Link>: take a backup when it is as you want it.
        </ListItem>
      </List>
    </div>
  );
}
