import { Button } from '@patternfly/react-core';
import { Link } from 'wouter';
import type { Schema } from '../../api/client';
import type { Column } from '../../components/DataTable';
import { bytes, count } from '../../components/format';
import { DifferenceMark } from '../../components/Pending';
import { State } from '../../components/State';
import type { Differences, On } from '../../components/usePending';
import { Name } from '../../components/Wwn';
import { useSample } from '../../live';
import { failureText, healthOf, healthTone } from './words';

type Service = Schema['ServiceItem'];

/** HealthMark is whether it is up, by the newest sample. */
export function HealthMark({ service }: { service: Service }) {
  const health = healthOf(service, useSample()?.services);
  return <State tone={healthTone[health]} text={health} />;
}

/** FlowsOn leads to the flows that go through a service now. */
export function FlowsOn({ service }: { service: Service }) {
  if (service.active === undefined) return <>–</>;
  return (
    <Link href={`/flows?service=${encodeURIComponent(service.name ?? '')}`} aria-label={`${count(service.active.flows)} flows on ${service.name ?? ''}`}>
      {count(service.active.flows)}
    </Link>
  );
}

/** UsedBy is the policies that name a service. */
export function UsedBy({ service, on, most = 3 }: { service: Service; on: On; most?: number }) {
  const users = service.used_by ?? [];
  if (users.length === 0) return <span className="fcr-subtle">none</span>;
  return (
    <>
      {users.slice(0, most).map((name, i) => (
        <span key={name}>
          {i > 0 ? ', ' : ''}
          <Link href={`/policies?policy=${encodeURIComponent(name)}${on === 'active' ? '&on=active' : ''}`}>
            <Name name={name} />
          </Link>
        </span>
      ))}
      {users.length > most ? (
        <>
          {' '}
          <Link href={`/policies?service=${encodeURIComponent(service.name ?? '')}${on === 'active' ? '&on=active' : ''}`}>and {users.length - most} more</Link>
        </>
      ) : null}
    </>
  );
}

/** Instance is where the service is. */
export const Instance = ({ service }: { service: Service }) => (
  <>
    {service.port}
    {service.mac === undefined || service.mac === '' ? null : <span className="fcr-mono"> {service.mac}</span>}
    {service.vlan === undefined || service.vlan === 0 ? null : ` VLAN ${service.vlan}`}
  </>
);

export const serviceColumns = (ways: { on: On; differences: Differences; open: (name: string) => void }): Column<Service>[] => [
  {
    id: 'name',
    title: 'Name',
    sort: 'name',
    render: (s) => (
      <div className="fcr-service-name">
        <Button variant="link" isInline onClick={() => ways.open(s.name ?? '')}>
          <Name name={s.name ?? ''} />
        </Button>
        {s.drained === true ? <State tone="warning" text="drained" title="Policies use it, and all of them are disabled" /> : null}
        <DifferenceMark change={ways.differences.by.get(s.name ?? '')} />
      </div>
    ),
  },
  { id: 'state', title: 'State', render: (s) => <HealthMark service={s} /> },
  { id: 'mode', title: 'Mode', render: (s) => (s.mode === 'steer' ? 'Steer' : 'Mirror') },
  { id: 'instance', title: 'Instance', render: (s) => <Instance service={s} /> },
  { id: 'failure', title: 'While it is down', render: failureText },
  { id: 'flows', title: 'Flows', number: true, info: 'Flows that the active configuration sends through it now', render: (s) => <FlowsOn service={s} /> },
  { id: 'frames', title: 'Frames', number: true, optional: true, info: 'Of these flows since they began, both ways', render: (s) => <span title={bytes(s.active?.bytes)}>{count(s.active?.frames)}</span> },
  { id: 'flips', title: 'Flips', number: true, optional: true, info: 'How often it came or went since the data plane runs', render: (s) => count(s.flips ?? 0) },
  { id: 'used_by', title: 'Used by', render: (s) => <UsedBy service={s} on={ways.on} /> },
];
