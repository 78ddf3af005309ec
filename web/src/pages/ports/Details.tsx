import { Alert, Button, DescriptionList, Flex, Title } from '@patternfly/react-core';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { useCan } from '../../app/session';
import { api, query, type Schema } from '../../api/client';
import { ConfirmButton } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { Fact, Part } from '../../components/Facts';
import { bytes, count } from '../../components/format';
import { LiveChart, SpanPicker, useSpan } from '../../components/LiveChart';
import { bytesOf } from '../../components/LiveChartPorts';
import { Time } from '../../components/Time';
import { Name, Wwn } from '../../components/Wwn';
import { dropsOf, fatesOf, happened, troublesOf, withoutLink, type Figure, type Port } from './words';

/** Figures are counts that are not 0; the others are a click away. */
function Figures({ title, all, none }: { title: string; all: readonly Figure[]; none: string }) {
  const some = happened(all);
  const rest = all.filter((f) => f.value === 0);
  const list = (figures: readonly Figure[]) => (
    <DescriptionList isCompact isHorizontal isFluid>
      {figures.map((f) => (
        <Fact key={f.text} term={f.text}>
          {count(f.value)}
        </Fact>
      ))}
    </DescriptionList>
  );
  return (
    <Part title={title}>
      {some.length === 0 ? <p>{none}</p> : list(some)}
      {rest.length > 0 && (
        <details className="fcr-space">
          <summary>Not once ({count(rest.length)})</summary>
          {list(rest)}
        </details>
      )}
    </Part>
  );
}

const loginColumns: Column<Schema['Login']>[] = [
  { id: 'wwpn', title: 'WWPN', render: (l) => <Wwn wwpn={l.wwpn} alias={l.alias} /> },
  { id: 'fc_id', title: 'FC_ID', render: (l) => <span className="fcr-mono">{l.fc_id}</span> },
  { id: 'vsan', title: 'VSAN', number: true, render: (l) => (l.vsan === 0 ? 'untagged' : count(l.vsan)) },
  { id: 'role', title: 'Role', render: (l) => (l.role === 'both' ? 'initiator and target' : l.role) },
  { id: 'state', title: 'State', render: (l) => (l.contested ? `${l.state}, contested` : l.state) },
  { id: 'seen', title: 'Last seen', render: (l) => <Time at={l.last_seen} relative /> },
  { id: 'flows', title: 'Flows', render: (l) => <Link href={`/flows?end=${encodeURIComponent(l.wwpn)}`} aria-label={`Flows of ${l.alias ?? l.wwpn}`}>Show</Link> },
];

/** Logins are those whose frames come in on the port. */
function Logins({ port }: { port: string }) {
  const list = query.useQuery('get', '/api/v1/logins', { params: { query: { port, limit: 100 } } }, { refetchInterval: 5_000 });
  return (
    <DataTable
      label={`Logins on ${port}`}
      columns={loginColumns}
      items={list.data?.items}
      keyOf={(l) => `${l.fabric}/${l.vsan}/${l.fc_id}/${l.wwpn}`}
      error={list.error}
      again={() => void list.refetch()}
      emptyTitle="No login is on this port"
      empty="A login is there once its frames have come in on this port."
      total={list.data?.total}
    />
  );
}

function Facts({ port }: { port: Port }) {
  const c = port.counters;
  return (
    <Part title="Port">
      <DescriptionList isHorizontal isCompact>
        <Fact term="MAC address">
          <span className="fcr-mono">{port.mac ?? '–'}</span>
        </Fact>
        <Fact term="Device">
          <span className="fcr-mono fcr-name">{port.device ?? '–'}</span>
        </Fact>
        <Fact term="Driver">{port.driver ?? '–'}</Fact>
        <Fact term="MTU">{count(port.mtu)} bytes</Fact>
        <Fact term="Received">
          {count(c.frames_in)} frames, {bytes(c.bytes_in)}
        </Fact>
        <Fact term="Sent">
          {count(c.frames_out)} frames, {bytes(c.bytes_out)}
        </Fact>
        <Fact term="Copies sent">{count(c.mirrored_out)} frames</Fact>
      </DescriptionList>
    </Part>
  );
}

/** Details is one port in full. */
export function Details({ port, onClose, onCleared }: { port: Port; onClose: () => void; onCleared: () => Promise<unknown> }) {
  const { name, counters } = port;
  const mayClear = useCan('port.write');
  const mayCapture = useCan('capture.start');
  const [span, setSpan] = useSpan();
  const { asks, lines } = useMemo(() => bytesOf([name]), [name]);
  const clear = async () => {
    await api.POST('/api/v1/ports/{name}/clear', { params: { path: { name } } });
    await onCleared();
  };
  return (
    <section aria-label={`Details of ${name}`} className="fcr-stack">
      <Flex alignItems={{ default: 'alignItemsCenter' }}>
        <Title headingLevel="h2">
          <Name name={name} />
        </Title>
        {mayClear && (
          <ConfirmButton
            label="Clear counters"
            variant="secondary"
            confirm={{
              title: `Clear the counters of ${name}`,
              action: 'Clear counters',
              danger: false,
              children: 'Everybody sees them counted from now on. Nothing is lost for metrics, samples and statistics: they go on.',
              onConfirm: clear,
            }}
          />
        )}
        {mayCapture && <Link href={`/captures?new=1&port=${encodeURIComponent(name)}`}>Capture its frames</Link>}
        <Link href={`/flows?port=${encodeURIComponent(name)}`}>Its flows</Link>
        <Button variant="link" isInline onClick={onClose}>
          Close
        </Button>
      </Flex>
      <p className="fcr-subtle">
        Counted since <Time at={port.counts_since} />
        {port.cleared_by === undefined ? ', the start of the data plane.' : <>, cleared by <Name name={port.cleared_by} />.</>}
      </p>
      {!port.up && (
        <Alert isInline variant="danger" title={`${name} has no link`}>
          {withoutLink(port)}
        </Alert>
      )}
      <LiveChart title={`Rate of ${name}`} headingLevel="h3" lines={lines} asks={asks} span={span} actions={<SpanPicker span={span} onSpan={setSpan} />} />
      <div className="fcr-grid">
        <Facts port={port} />
        <Figures title="What became of received frames" all={fatesOf(counters)} none="None was received." />
        <Figures title="Dropped, by reason" all={dropsOf(counters)} none="None was dropped." />
        <Figures title="Device and back-pressure" all={troublesOf(counters)} none="Nothing went wrong." />
      </div>
      <Logins port={name} />
    </section>
  );
}
