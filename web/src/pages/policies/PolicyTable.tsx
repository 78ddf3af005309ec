import { Button, Flex } from '@patternfly/react-core';
import ArrowDownIcon from '@patternfly/react-icons/dist/esm/icons/arrow-down-icon';
import ArrowUpIcon from '@patternfly/react-icons/dist/esm/icons/arrow-up-icon';
import { Link } from 'wouter';
import type { Schema } from '../../api/client';
import type { Column } from '../../components/DataTable';
import { bytes, count } from '../../components/format';
import { MatchChips } from '../../components/MatchChips';
import { DifferenceMark } from '../../components/Pending';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import type { Differences, On } from '../../components/usePending';
import { Name } from '../../components/Wwn';
import { actionText } from './view';

type Policy = Schema['PolicyItem'];

export interface Ways {
  on: On;
  differences: Differences;
  open: (name: string) => void;
  /** undefined: they cannot be moved here. */
  step: ((p: Policy, by: -1 | 1) => void) | undefined;
  total: number;
}

/** The id of a button that moves a policy: focus goes with the policy. */
export const stepId = (name: string, by: -1 | 1): string => `fcr-step-${by < 0 ? 'up' : 'down'}-${encodeURIComponent(name)}`;

function Place({ p, ways }: { p: Policy; ways: Ways }) {
  const { step } = ways;
  const name = p.name ?? '';
  if (step === undefined) return <>{p.position ?? '–'}</>;
  return (
    <Flex flexWrap={{ default: 'nowrap' }} gap={{ default: 'gapNone' }} alignItems={{ default: 'alignItemsCenter' }}>
      <span className="fcr-place">{p.position ?? '–'}</span>
      <Button id={stepId(name, -1)} variant="plain" size="sm" isAriaDisabled={p.position === 1} aria-label={`Move ${name} up`} icon={<ArrowUpIcon />} onClick={() => p.position !== 1 && step(p, -1)} />
      <Button
        id={stepId(name, 1)}
        variant="plain"
        size="sm"
        isAriaDisabled={p.position === ways.total}
        aria-label={`Move ${name} down`}
        icon={<ArrowDownIcon />}
        onClick={() => p.position !== ways.total && step(p, 1)}
      />
    </Flex>
  );
}

/** Marks is what is odd about a policy, or other than in what decides. */
export function Marks({ p, differences }: { p: Policy; differences: Differences }) {
  return (
    <>
      {p.disabled === true ? <State tone="neutral" text="disabled" title="It is kept and checked, and never matches" /> : null}
      {p.shadowed === undefined || p.shadowed === '' ? null : <State tone="warning" text="shadowed" title={p.shadowed} />}
      {p.never_hit === true ? <State tone="info" text="never hit" title="It was not seen to decide a flow since hits are watched" /> : null}
      <DifferenceMark change={differences.by.get(p.name ?? '')} />
    </>
  );
}

function NameCell({ p, ways }: { p: Policy; ways: Ways }) {
  return (
    <div className="fcr-policy-name">
      <Button variant="link" isInline onClick={() => ways.open(p.name ?? '')}>
        <Name name={p.name ?? ''} />
      </Button>
      <span className="fcr-marks">
        <Marks p={p} differences={ways.differences} />
      </span>
      {p.shadowed === undefined || p.shadowed === '' ? null : <small className="fcr-subtle">{p.shadowed}</small>}
      {p.note === undefined || p.note === '' ? null : (
        <small className="fcr-subtle fcr-clip" title={p.note}>
          <bdi>{p.note}</bdi>
        </small>
      )}
    </div>
  );
}

const ActionCell = ({ p }: { p: Policy }) => (
  <>
    {actionText(p)}
    {p.service === undefined || p.service === '' ? null : (
      <>
        {' to '}
        <Link href={`/services?service=${encodeURIComponent(p.service)}`}>
          <Name name={p.service} />
        </Link>
      </>
    )}
  </>
);

/** onFailureText is what happens to redirected flows while the service is down. */
const onFailureText = (p: Policy): string => (p.action !== 'redirect' ? '–' : (p.on_failure ?? 'as service'));

export const policyColumns = (ways: Ways): Column<Policy>[] => [
  { id: 'position', title: 'Place', sort: 'position', render: (p) => <Place p={p} ways={ways} /> },
  { id: 'name', title: 'Name', sort: 'name', render: (p) => <NameCell p={p} ways={ways} /> },
  { id: 'match', title: 'Match', render: (p) => <MatchChips match={p.match} on={ways.on} /> },
  { id: 'action', title: 'Action', render: (p) => <ActionCell p={p} /> },
  { id: 'on_failure', title: 'On failure', info: 'What happens to redirected flows while the service is down', render: onFailureText },
  { id: 'flows', title: 'Flows', number: true, info: 'Flows that the active policy of this name decides now', render: (p) => count(p.hits?.flows) },
  {
    id: 'frames',
    title: 'Frames',
    number: true,
    info: 'Of these flows since they began, both ways',
    render: (p) => <span title={bytes(p.hits?.bytes)}>{count(p.hits?.frames)}</span>,
  },
  { id: 'last_hit', title: 'Last hit', render: (p) => <span className="fcr-oneline"><Time at={p.hits?.last_hit} relative /></span> },
  { id: 'ticket', title: 'Ticket', optional: true, render: (p) => (p.ticket === undefined || p.ticket === '' ? '–' : <Name name={p.ticket} />) },
];
