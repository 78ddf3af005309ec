import { Title } from '@patternfly/react-core';
import { Link as RouteLink } from 'wouter';
import { DataTable, type Column } from '../../components/DataTable';
import { bitRate, count } from '../../components/format';
import { State, type Tone } from '../../components/State';
import { Name } from '../../components/Wwn';
import { layers, type Course, type Link, type Node, type Tone as Health, type Topology } from '../../topology/model';
import { wayWords } from '../../topology/words';

const tones: Record<Course, Tone> = { direct: 'neutral', redirected: 'info', copied: 'info', bypassed: 'warning', blocked: 'bad', dropped: 'bad' };
const health: Record<Health, Tone> = { good: 'good', warning: 'warning', bad: 'bad', unknown: 'neutral' };

const portOf = (stop: string | undefined): string => (stop === undefined || !/^(in|out):/.test(stop) ? '–' : stop.endsWith(':?') ? 'not known' : stop.slice(stop.indexOf(':') + 1));

const linkColumns: readonly Column<Link>[] = [
  { id: 'host', title: 'Host', render: (l) => <Name name={l.host} /> },
  { id: 'in', title: 'Edge port', render: (l) => portOf(l.stops[1]) },
  { id: 'way', title: 'Way', render: (l) => <State tone={tones[l.course]} text={wayWords(l)} /> },
  { id: 'out', title: 'Fabric port', render: (l) => portOf(l.stops[3]) },
  { id: 'target', title: 'Target', render: (l) => <Name name={l.target} /> },
  { id: 'rate', title: 'Rate', number: true, render: (l) => bitRate(l.rate) },
  {
    id: 'flows',
    title: 'Flows',
    number: true,
    render: (l) => (
      <RouteLink href={l.href} aria-label={`${count(l.flows)}: show flows of ${l.host} to ${l.target}`}>
        {count(l.flows)}
      </RouteLink>
    ),
  },
];

const nodeColumns: readonly Column<Node>[] = [
  { id: 'name', title: 'Name', render: (n) => <Name name={n.name} /> },
  { id: 'layer', title: 'Layer', render: (n) => layers[n.layer] ?? '' },
  { id: 'state', title: 'State', render: (n) => <State tone={health[n.tone]} text={n.state} /> },
  { id: 'wwpn', title: 'WWPN', render: (n) => <span className="fcr-mono">{n.wwpn ?? '–'}</span> },
  { id: 'rate', title: 'Rate', number: true, render: (n) => bitRate(n.rate), info: 'Of a port: what comes in and goes out. Otherwise what the flows shown here carry.' },
  {
    id: 'flows',
    title: 'Flows',
    number: true,
    render: (n) => (
      <RouteLink href={n.href} aria-label={`${count(n.flows)}: show flows of ${n.name}`}>
        {count(n.flows)}
      </RouteLink>
    ),
  },
];

/** List is what the drawing shows, as tables: the heaviest link first, nodes from the hosts to the targets. */
export function List({ topology }: { topology: Topology }) {
  const links = [...topology.links].sort((a, b) => (b.rate ?? -1) - (a.rate ?? -1));
  const nodes = [...topology.nodes].sort((a, b) => a.layer - b.layer || a.name.localeCompare(b.name));
  return (
    <div className="fcr-stack">
      <div>
        <Title headingLevel="h2">Links</Title>
        <DataTable label="Links" columns={linkColumns} items={links} keyOf={(l) => l.id} emptyTitle="No flows" empty="Links appear when hosts exchange storage frames with targets." />
      </div>
      <div>
        <Title headingLevel="h2">Hosts, ports, services and targets</Title>
        <DataTable
          label="Hosts, ports, services and targets"
          columns={nodeColumns}
          items={nodes}
          keyOf={(n) => n.id}
          emptyTitle="Nothing is connected"
          empty="Ports come from the boot file of the data plane; hosts and targets appear when they log in."
        />
      </div>
    </div>
  );
}
