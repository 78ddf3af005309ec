import { Icon } from '@patternfly/react-core';
import BanIcon from '@patternfly/react-icons/dist/esm/icons/ban-icon';
import ClockIcon from '@patternfly/react-icons/dist/esm/icons/clock-icon';
import CopyIcon from '@patternfly/react-icons/dist/esm/icons/copy-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import RouteIcon from '@patternfly/react-icons/dist/esm/icons/route-icon';
import type { ComponentType } from 'react';
import type { Column } from '../../components/DataTable';
import { bitRate, bytes, count, perSecond, short } from '../../components/format';
import type { Tone } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';
import type { Flow, FlowRow } from './order';

interface Look {
  tone: Exclude<Tone, 'neutral' | 'good'>;
  icon: ComponentType;
}

const verdictLook: Partial<Record<Flow['verdict'], Look>> = {
  redirect: { tone: 'info', icon: RouteIcon },
  mirror: { tone: 'info', icon: CopyIcon },
  drop: { tone: 'warning', icon: BanIcon },
};
const stateLook: Partial<Record<Flow['state'], Look>> = {
  bypassed: { tone: 'warning', icon: ExclamationTriangleIcon },
  blocked: { tone: 'bad', icon: BanIcon },
  waiting: { tone: 'info', icon: ClockIcon },
};
const status = { info: 'info', warning: 'warning', bad: 'danger' } as const;

/** Mark is an icon and a word. What is usual is a word alone. No label of PatternFly: each measures itself, with every row that is drawn. */
function Mark({ text, look }: { text: string; look: Look | undefined }) {
  if (look === undefined) return text;
  return (
    <span className="fcr-flow-mark">
      <Icon status={status[look.tone]} isInline>
        <look.icon />
      </Icon>{' '}
      {text}
    </span>
  );
}

export const VerdictLabel = ({ flow }: { flow: Flow }) => <Mark text={flow.verdict} look={verdictLook[flow.verdict]} />;
export const StateLabel = ({ flow }: { flow: Flow }) => <Mark text={flow.state} look={stateLook[flow.state]} />;

/** End is one end of a flow in a narrow column: its name, or its WWPN, or while that is not known its FC_ID. */
export function End({ alias, wwpn, id }: { alias?: string; wwpn?: string; id?: string }) {
  if (alias !== undefined && alias !== '') {
    return (
      <span title={wwpn}>
        <Name name={alias} />
      </span>
    );
  }
  if (wwpn !== undefined && wwpn !== '') return <span className="fcr-mono">{wwpn}</span>;
  return <span className="fcr-subtle">unknown{id === undefined ? '' : ` (${id})`}</span>;
}

const mono = (text: string | undefined) => (text === undefined ? '–' : <span className="fcr-mono">{text}</span>);
const name = (text: string | undefined) => (text === undefined || text === '' ? <span className="fcr-subtle">–</span> : <Name name={text} />);

/** The columns of the list. They are made once: rows that did not change are not drawn again. */
export const columns: readonly Column<FlowRow>[] = [
  { id: 'initiator', title: 'Initiator', sort: 'initiator', render: ({ flow: f }) => <End alias={f.initiator_alias} wwpn={f.initiator} id={f.initiator_id} /> },
  { id: 'target', title: 'Target', sort: 'target', render: ({ flow: f }) => <End alias={f.target_alias} wwpn={f.target} id={f.target_id} /> },
  { id: 'verdict', title: 'Verdict', sort: 'verdict', render: ({ flow }) => <VerdictLabel flow={flow} /> },
  { id: 'policy', title: 'Policy', sort: 'policy', render: ({ flow }) => name(flow.policy) },
  { id: 'service', title: 'Service', sort: 'service', render: ({ flow }) => name(flow.service) },
  { id: 'state', title: 'State', sort: 'state', render: ({ flow }) => <StateLabel flow={flow} /> },
  { id: 'byte_rate', title: 'Throughput', sort: 'byte_rate', number: true, render: ({ flow }) => bitRate(flow.bytes_per_second) },
  { id: 'frame_rate', title: 'Frames/s', sort: 'frame_rate', number: true, optional: true, render: ({ flow }) => perSecond(flow.frames_per_second).replace('/s', '') },
  { id: 'errors', title: 'Errors', sort: 'errors', number: true, render: ({ flow }) => count(flow.errors), info: 'Aborted exchanges and rejects' },
  { id: 'last_seen', title: 'Last seen', sort: 'last_seen', optional: true, render: ({ flow }) => <Time at={flow.last_seen} relative /> },
  { id: 'created', title: 'Began', sort: 'created', optional: true, render: ({ flow }) => <Time at={flow.created} /> },
  { id: 'vsan', title: 'VSAN', optional: true, number: true, render: ({ flow }) => (flow.vsan === 0 ? 'untagged' : String(flow.vsan)) },
  { id: 'fabric', title: 'Fabric', optional: true, number: true, render: ({ flow }) => String(flow.fabric) },
  { id: 'initiator_wwpn', title: 'Initiator WWPN', optional: true, render: ({ flow }) => mono(flow.initiator) },
  { id: 'target_wwpn', title: 'Target WWPN', optional: true, render: ({ flow }) => mono(flow.target) },
  { id: 'fc_ids', title: 'FC_IDs', sort: 'id', optional: true, render: ({ flow: f }) => mono(`${f.initiator_id ?? '–'} → ${f.target_id ?? '–'}`) },
  { id: 'ports', title: 'Ports', optional: true, render: ({ flow: f }) => `${f.port ?? '–'} → ${f.target_port ?? '–'}` },
  { id: 'bytes', title: 'Bytes', sort: 'bytes', optional: true, number: true, render: ({ flow: f }) => bytes(f.bytes_to_target + f.bytes_to_initiator) },
  { id: 'frames', title: 'Frames', sort: 'frames', optional: true, number: true, render: ({ flow: f }) => short(f.frames_to_target + f.frames_to_initiator) },
  { id: 'written', title: 'To target', optional: true, number: true, render: ({ flow }) => bytes(flow.bytes_to_target) },
  { id: 'read', title: 'To initiator', optional: true, number: true, render: ({ flow }) => bytes(flow.bytes_to_initiator) },
  { id: 'static', title: 'Created ahead', optional: true, render: ({ flow }) => (flow.static ? 'yes' : 'no') },
];
