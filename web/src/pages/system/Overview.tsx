import { Card, CardBody, CardTitle, DescriptionList, Skeleton } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { query, type Schema } from '../../api/client';
import { Fact } from '../../components/Facts';
import { bytes, count, duration, share } from '../../components/format';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { Time } from '../../components/Time';

type System = Schema['System'];

const Facts = ({ title, facts }: { title: string; facts: readonly (readonly [string, ReactNode])[] }) => (
  <Card isCompact>
    <CardTitle component="h2">{title}</CardTitle>
    <CardBody>
      <DescriptionList isHorizontal isCompact horizontalTermWidthModifier={{ default: '9rem' }}>
        {facts.map(([term, value]) => (
          <Fact key={term} term={term}>
            {value}
          </Fact>
        ))}
      </DescriptionList>
    </CardBody>
  </Card>
);

const Software = ({ s }: { s: System }) => (
  <Facts
    title="Node and software"
    facts={[
      ['Node', s.node],
      ['Version', s.version],
      ['ABI', `${s.abi}, ${s.go}`],
      ['Management since', <Time key="t" at={s.started} />],
      ['Settings', <>revision {count(s.settings.revision)}, {s.settings.mirrored ? 'all of them in the database' : <State tone="warning" text="not all in the database yet" />}</>],
      ...s.processes.map((p) => [p.name, <>process {p.pid}, version {p.version} {!p.alive && <State tone="bad" text="gone" />}</>] as const),
    ]}
  />
);

function Dataplane({ d }: { d: System['dataplane'] }) {
  if (d === undefined) return <Facts title="Data plane" facts={[['State', <State key="s" tone="bad" text="no data plane has run here" />]]} />;
  return (
    <Facts
      title="Data plane"
      facts={[
        ['State', <State key="s" tone={d.alive ? 'good' : 'bad'} text={d.alive ? d.state : `gone, was ${d.state}`} />],
        ['Runs since', <Time key="t" at={d.started} />],
        ['Last sign of life', <Time key="l" at={d.last_sign_of_life} relative />],
        ['Process', `${d.pid}, ABI ${d.abi}`],
        ['Policy', <>generation {count(d.generation)}, <span className="fcr-mono">{d.policy ?? 'none'}</span></>],
        ['Learnt logins', count(d.learner.logins)],
        ['Shared memory', bytes(d.bytes)],
      ]}
    />
  );
}

const Host = ({ s }: { s: System }) => (
  <Facts
    title="Host"
    facts={[
      ['Name', `${s.host.name}, Linux ${s.host.kernel}`],
      ['Up for', duration(s.host.uptime_s)],
      ['Load', `${s.host.load_1.toFixed(2)} on ${s.host.processors} processors, lcores included`],
      ['Memory', `${bytes(s.host.memory_available_bytes)} of ${bytes(s.host.memory_bytes)} available`],
      ...s.hugepages.filter((h) => h.pages > 0).map((h) => [`Hugepages of ${bytes(h.size_kb * 1024)}`, `${count(h.free)} of ${count(h.pages)} free`] as const),
      ['Clock', s.clock.synchronised ? `synchronised, off by ${s.clock.error_ms.toFixed(1)} ms at most` : <State key="c" tone="warning" text="nobody keeps it" />],
    ]}
  />
);

/** Who has less of a disk left is told so. */
const littleSpace = 0.1;

const Disk = ({ d }: { d: System['disks'][number] }) => (
  <>
    {bytes(d.free_bytes)} of {bytes(d.bytes)} free ({share(d.bytes === 0 ? undefined : d.free_bytes / d.bytes)}){' '}
    {d.free_bytes < d.bytes * littleSpace && <State tone="warning" text="little" />}
    <div className="fcr-mono fcr-subtle">{d.path}</div>
  </>
);

const Storage = ({ s }: { s: System }) => (
  <Facts
    title="Database and disks"
    facts={[
      ['Database', <State key="s" tone={s.database.state === 'ok' ? 'good' : s.database.state === 'none' ? 'neutral' : 'bad'} text={s.database.state.replaceAll('_', ' ')} />],
      ['Server', `${s.database.kind}${s.database.version === undefined ? '' : `, PostgreSQL ${s.database.version}`}`],
      ['Size', `${bytes(s.database.bytes)}${s.database.schema === undefined ? '' : `, schema ${s.database.schema}`}`],
      ...s.disks.map((d) => [`Disk: ${d.use}`, <Disk key={d.path} d={d} />] as const),
      ['Certificate', s.certificate === undefined ? 'no address is served' : <>until <Time at={s.certificate.ends} />, {duration(s.certificate.seconds_left)} left</>],
    ]}
  />
);

/** Overview is the node in short. */
export function Overview() {
  const system = query.useQuery('get', '/api/v1/system', {}, { refetchInterval: 5_000 });
  const s = system.data;
  return (
    <div className="fcr-stack">
      {system.isError && <Problem error={system.error} again={() => void system.refetch()} title={s === undefined ? undefined : 'The system could not be read again; this may be old'} />}
      {s === undefined && !system.isError && <Skeleton height="16rem" screenreaderText="Loading" />}
      {s !== undefined && (
        <div className="fcr-grid">
          <Software s={s} />
          <Dataplane d={s.dataplane} />
          <Host s={s} />
          <Storage s={s} />
        </div>
      )}
    </div>
  );
}
