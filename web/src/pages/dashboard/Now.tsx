import { Card, CardBody, CardTitle, Skeleton } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { Bar } from '../../components/Bar';
import { bitRate, count, micros, perSecond, share, short } from '../../components/format';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { Name } from '../../components/Wwn';
import { useSample, useSamples } from '../../live';
import { byConsumer, consumerText, ringsNow } from '../../live/history-rings';
import { isSelf, lagOf, loneText, stateOf } from '../peers/words';
import { usePeers, usePorts } from './facts';
import { capital } from './state';

/** Part is a card of the dashboard with a way to its page. */
export function Part({ title, to, more, children }: { title: string; to: string; more: string; children: ReactNode }) {
  return (
    <Card isCompact className="fcr-part">
      <CardTitle>
        <div className="fcr-part-head">
          <h2>{title}</h2>
          <Link href={to} aria-label={more}>
            {more}
          </Link>
        </div>
      </CardTitle>
      <CardBody className="fcr-scroll">{children}</CardBody>
    </Card>
  );
}

export function Head({ columns }: { columns: readonly (readonly [title: string, number?: boolean])[] }) {
  return (
    <Thead>
      <Tr>
        {columns.map(([title, number]) => (
          <Th key={title} modifier="nowrap" className={number === true ? 'fcr-end' : ''}>
            {title}
          </Th>
        ))}
      </Tr>
    </Thead>
  );
}

/** So many ports, lcores, peers are on the dashboard; the others are on their pages. */
const most = 12;

export function Rest({ n }: { n: number }) {
  return n > most ? <p className="fcr-subtle">{`and ${count(n - most)} more`}</p> : null;
}

/** Ports: what is wrong first, then in the order of the boot file. */
export function Ports() {
  const sample = useSample();
  const { data } = usePorts();
  const roles = new Map(data?.items.map((p) => [p.name, p.role]));
  const ports = [...(sample?.ports ?? [])].sort((a, b) => Number(a.up) - Number(b.up));
  return (
    <Part title="Ports" to="/ports" more="All ports">
      <Table aria-label="Ports" variant="compact" borders={false} className="fcr-numbers fcr-part-table">
        <Head columns={[['Port'], ['Role'], ['Link'], ['In', true], ['Out', true], ['Dropped', true]]} />
        <Tbody>
          {ports.slice(0, most).map((p) => (
            <Tr key={p.name}>
              <Td dataLabel="Port">
                <Link href={`/ports?open=${encodeURIComponent(p.name)}`}>{p.name}</Link>
              </Td>
              <Td dataLabel="Role">{roles.get(p.name) ?? '–'}</Td>
              <Td dataLabel="Link">{p.up ? <State tone="good" text="Up" /> : <State tone="bad" text="Down" />}</Td>
              <Td dataLabel="In" className="fcr-end">
                {bitRate(p.rates?.bytes_in)}
              </Td>
              <Td dataLabel="Out" className="fcr-end">
                {bitRate(p.rates?.bytes_out)}
              </Td>
              <Td dataLabel="Dropped" className="fcr-end" title={`${count(p.dropped)} since the data plane started`}>
                {perSecond(p.rates?.dropped)}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      <Rest n={ports.length} />
    </Part>
  );
}

export function Lcores() {
  const lcores = [...(useSample()?.lcores ?? [])].sort((a, b) => (b.busy ?? 0) - (a.busy ?? 0));
  return (
    <Part title="Lcores" to="/ports?tab=lcores" more="All lcores">
      <Table aria-label="Lcores" variant="compact" borders={false} className="fcr-numbers fcr-part-table">
        <Head columns={[['Lcore'], ['Busy'], ['Frames', true], ['p99', true]]} />
        <Tbody>
          {lcores.slice(0, most).map((c) => (
            <Tr key={c.index}>
              <Td dataLabel="Lcore">{c.index}</Td>
              <Td dataLabel="Busy">
                <Bar part={c.busy ?? 0} /> {share(c.busy)}
              </Td>
              <Td dataLabel="Frames" className="fcr-end">
                {perSecond(c.frames_per_second)}
              </Td>
              <Td dataLabel="p99" className="fcr-end">
                {c.latency_p99_us === 0 ? '–' : micros(c.latency_p99_us)}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      <Rest n={lcores.length} />
    </Part>
  );
}

export function Rings() {
  const rings = byConsumer(ringsNow(useSamples()));
  return (
    <Part title="Queues" to="/queues" more="All queues">
      <Table aria-label="Queues" variant="compact" borders={false} className="fcr-numbers fcr-part-table">
        <Head columns={[['Queue'], ['Fullest ring'], ['Waiting', true], ['In', true], ['Lost', true]]} />
        <Tbody>
          {rings.map((r) => (
            <Tr key={r.consumer}>
              <Td dataLabel="Queue">{consumerText(r.consumer)}</Td>
              <Td dataLabel="Fullest ring" modifier="nowrap">
                <Bar part={r.fullest} /> {share(r.fullest)}
              </Td>
              <Td dataLabel="Waiting" className="fcr-end">
                {short(r.depth)}
              </Td>
              <Td dataLabel="In" className="fcr-end" modifier="nowrap">
                {perSecond(r.offeredRate)}
              </Td>
              <Td dataLabel="Lost" className="fcr-end">
                {short(r.lost)}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
    </Part>
  );
}

/** Lines stand where something is not known yet. */
export const Lines = () => (
  <>
    <Skeleton screenreaderText="Loading" />
    <Skeleton />
  </>
);

export function Peers() {
  const { data, error, refetch } = usePeers();
  const peers = data?.items.filter((p) => !isSelf(p));
  return (
    <Part title="Peers" to="/peers" more="All peers">
      {peers === undefined && (error === null ? <Lines /> : <Problem error={error} again={() => void refetch()} />)}
      {peers?.length === 0 && <p className="fcr-subtle">{loneText(data?.items[0]?.state)}</p>}
      {peers !== undefined && peers.length > 0 && (
        <Table aria-label="Peers" variant="compact" borders={false} className="fcr-numbers fcr-part-table">
          <Head columns={[['Peer'], ['State'], ['Lag', true]]} />
          <Tbody>
            {peers.slice(0, most).map((p) => (
              <Tr key={p.name}>
                <Td dataLabel="Peer">
                  <Name name={p.name} />
                </Td>
                <Td dataLabel="State">
                  <State tone={stateOf(p).tone} text={capital(stateOf(p).text)} />
                </Td>
                <Td dataLabel="Lag" className="fcr-end">
                  {p.state === 'away' ? '–' : lagOf(p)}
                </Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      )}
      <Rest n={peers?.length ?? 0} />
    </Part>
  );
}
