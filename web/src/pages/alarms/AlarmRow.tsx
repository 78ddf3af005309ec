import { Button, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Flex, FlexItem } from '@patternfly/react-core';
import AngleRightIcon from '@patternfly/react-icons/dist/esm/icons/angle-right-icon';
import AngleDownIcon from '@patternfly/react-icons/dist/esm/icons/angle-down-icon';
import { useEffect, useId, useRef, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useCan } from '../../app/session';
import { plural } from '../../components/format';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';
import { subjectOf } from './subject';
import { isPresent, sentence, severityTone, stateText, type Alarm } from './words';

interface AlarmRowProps {
  alarm: Alarm;
  open: boolean;
  /** It was asked for by the address: it comes into sight. */
  wanted: boolean;
  onToggle: () => void;
  onAcknowledge: () => void;
  onUnacknowledge: () => void;
  onMute: () => void;
}

const Line = ({ term, children }: { term: string; children: ReactNode }) => (
  <DescriptionListGroup>
    <DescriptionListTerm>{term}</DescriptionListTerm>
    <DescriptionListDescription>{children}</DescriptionListDescription>
  </DescriptionListGroup>
);

/** Handled says who looks after it, and until when nobody is told. */
function Handled({ alarm }: { alarm: Alarm }) {
  const { acknowledged: ack, muted } = alarm;
  return (
    <>
      {ack !== undefined && (
        <Line term="Acknowledged">
          <Name name={ack.by} />, <Time at={ack.at} relative />
          {ack.note === undefined || ack.note === '' ? '.' : <>: <Name name={ack.note} /></>}
        </Line>
      )}
      {muted !== undefined && (
        <Line term="Muted">
          By <Name name={muted.by} /> until <Time at={muted.until} />: <Name name={muted.reason} />
        </Line>
      )}
    </>
  );
}

function Body({ alarm }: { alarm: Alarm }) {
  return (
    <DescriptionList isHorizontal isCompact className="fcr-alarm-body" horizontalTermWidthModifier={{ default: '9rem' }}>
      {alarm.detail !== undefined && alarm.detail !== '' && <Line term="Found">{sentence(alarm.detail)}</Line>}
      <Line term="Consequence">{sentence(alarm.consequence)}</Line>
      <Line term="What to do">{sentence(alarm.action)}</Line>
      <Line term="Cause">{sentence(alarm.cause)}</Line>
      {alarm.suppressed_by !== undefined && (
        <Line term="Explained by">
          <Link href={`/alarms?show=all&code=${encodeURIComponent(alarm.suppressed_by)}`}>{alarm.suppressed_by}</Link>
        </Line>
      )}
      <Handled alarm={alarm} />
      <Line term="Seen">
        First <Time at={alarm.first_seen} />, last <Time at={alarm.last_seen} />
        {alarm.cleared_at !== undefined && (
          <>
            , cleared <Time at={alarm.cleared_at} />
          </>
        )}
        ; raised {plural(alarm.count, 'time')}.{' '}
        <Link href={`/events?type=alarm&match=${encodeURIComponent(`code:${alarm.code}`)}`}>Its events</Link>
      </Line>
    </DescriptionList>
  );
}

function Actions({ alarm, onAcknowledge, onUnacknowledge, onMute }: AlarmRowProps) {
  if (!useCan('alarm.write')) return null;
  const name = `${alarm.code}, ${subjectOf(alarm.subject).name}`;
  return (
    <Flex gap={{ default: 'gapSm' }} flexWrap={{ default: 'nowrap' }}>
      {alarm.acknowledged !== undefined && (
        <Button variant="link" size="sm" onClick={onUnacknowledge} aria-label={`Take the acknowledgement of ${name} back`}>
          Unacknowledge
        </Button>
      )}
      {alarm.acknowledged === undefined && isPresent(alarm) && (
        <Button variant="secondary" size="sm" onClick={onAcknowledge} aria-label={`Acknowledge ${name}`}>
          Acknowledge
        </Button>
      )}
      {alarm.muted === undefined && alarm.state !== 'cleared' && (
        <Button variant="link" size="sm" onClick={onMute} aria-label={`Mute ${name}`}>
          Mute
        </Button>
      )}
    </Flex>
  );
}

/** Since is the moment that matters: since when it is there, or when it was over. */
const Since = ({ alarm }: { alarm: Alarm }) => (
  <span className="fcr-subtle fcr-number">
    {alarm.state === 'cleared' ? 'cleared ' : ''}
    <Time at={alarm.state === 'cleared' ? alarm.cleared_at : (alarm.raised_at ?? alarm.first_seen)} relative />
    {alarm.count > 1 && `, ${plural(alarm.count, 'time')}`}
  </span>
);

/** AlarmRow is an alarm: what is wrong with what, since when; opened, what follows from it and what to do. */
export function AlarmRow(props: AlarmRowProps) {
  const { alarm, open, wanted, onToggle } = props;
  const id = useId();
  const at = useRef<HTMLElement>(null);
  const subject = subjectOf(alarm.subject);
  const state = stateText(alarm);
  useEffect(() => {
    if (wanted) at.current?.scrollIntoView({ block: 'nearest' });
  }, [wanted]);
  return (
    <article ref={at} className="fcr-alarm" aria-label={`${alarm.code}, ${subject.name}: ${alarm.title}`} data-severity={isPresent(alarm) ? alarm.severity : 'none'}>
      <Flex alignItems={{ default: 'alignItemsFlexStart' }} gap={{ default: 'gapMd' }} flexWrap={{ default: 'nowrap' }}>
        <Button variant="plain" size="sm" aria-expanded={open} aria-controls={id} aria-label={`${alarm.title}: what follows and what to do`} icon={open ? <AngleDownIcon /> : <AngleRightIcon />} onClick={onToggle} />
        <FlexItem grow={{ default: 'grow' }}>
          <h2 className="fcr-alarm-title">{sentence(alarm.title).replace(/\.$/, '')}</h2>
          <Flex gap={{ default: 'gapSm' }} rowGap={{ default: 'rowGapXs' }} alignItems={{ default: 'alignItemsCenter' }}>
            <State tone={isPresent(alarm) ? severityTone[alarm.severity] : 'neutral'} text={alarm.severity} />
            <span className="fcr-mono">{alarm.code}</span>
            {subject.href === undefined ? <span>{subject.text}</span> : <Link href={subject.href}>{subject.text}</Link>}
            {state !== undefined && <State {...state} />}
            {alarm.acknowledged !== undefined && <State tone="neutral" text="acknowledged" />}
            {alarm.muted !== undefined && <State tone="neutral" text="muted" />}
            <Since alarm={alarm} />
          </Flex>
        </FlexItem>
        <Actions {...props} />
      </Flex>
      <div id={id} hidden={!open}>
        {open && <Body alarm={alarm} />}
      </div>
    </article>
  );
}
