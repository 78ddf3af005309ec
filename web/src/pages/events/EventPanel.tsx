import { Button, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, DrawerActions, DrawerCloseButton, DrawerHead, DrawerPanelBody, DrawerPanelContent, Skeleton, Title } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { query, type Schema } from '../../api/client';
import { count } from '../../components/format';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { severityTone } from './EventTable';
import { fieldsOf, type Event } from './filter';

type Kind = Schema['EventField']['kind'];

/** Line is a term of a panel and what stands for it. */
export const Line = ({ term, children }: { term: string; children: ReactNode }) => (
  <DescriptionListGroup>
    <DescriptionListTerm>{term}</DescriptionListTerm>
    <DescriptionListDescription>{children}</DescriptionListDescription>
  </DescriptionListGroup>
);

function Value({ value, kind }: { value: unknown; kind: Kind }) {
  if (value === undefined || value === null || value === '') return <>–</>;
  if (kind === 'time' && typeof value === 'string') return <Time at={value} />;
  if (kind === 'truth') return <>{value === true ? 'yes' : 'no'}</>;
  if (kind === 'number' && typeof value === 'number') return <span className="fcr-number">{count(value)}</span>;
  if (typeof value === 'string') return <bdi dir="auto" className="fcr-name">{value}</bdi>;
  return <pre className="fcr-document fcr-mono">{JSON.stringify(value, null, 2)}</pre>;
}

/** Fields are all that the catalogue says an event of this type has; what the catalogue does not know is shown all the same. */
function Fields({ event, onMatch }: { event: Event; onMatch: (field: string, value: string) => void }) {
  const kinds = query.useQuery('get', '/api/v1/events/catalogue', {}, { staleTime: Infinity });
  const fields = fieldsOf(event);
  const declared = kinds.data?.items.find((k) => k.type === event.type)?.fields ?? [];
  const more = Object.keys(fields).filter((n) => !declared.some((d) => d.name === n));
  const all = [...declared, ...more.map((name) => ({ name, kind: 'document' as const }))];
  return (
    <>
      {all.map(({ name, kind }) => {
        const value = fields[name];
        return (
          <Line key={name} term={name}>
            <Value value={value} kind={kind} />{' '}
            {kind === 'text' && typeof value === 'string' && value !== '' && (
              <Button variant="link" size="sm" isInline aria-label={`Only events whose ${name} is this`} onClick={() => onMatch(name, value)}>
                only these
              </Button>
            )}
          </Line>
        );
      })}
    </>
  );
}

interface EventPanelProps {
  number: string;
  /** It may be in the list already. */
  known: Event | undefined;
  onClose: () => void;
  onType: (type: string) => void;
  onMatch: (field: string, value: string) => void;
}

/** EventPanel is one event with all that it has. */
export function EventPanel({ number, known, onClose, onType, onMatch }: EventPanelProps) {
  const asked = query.useQuery('get', '/api/v1/events/{number}', { params: { path: { number: Number(number) } } }, { enabled: known === undefined && /^[1-9]\d*$/.test(number), staleTime: Infinity });
  const event = known ?? asked.data;
  return (
    <DrawerPanelContent widths={{ default: 'width_50', '2xl': 'width_33' }} aria-label={`Event ${number}`}>
      <DrawerHead>
        <Title headingLevel="h2" size="lg">
          Event {number}
        </Title>
        <DrawerActions>
          <DrawerCloseButton onClick={onClose} />
        </DrawerActions>
      </DrawerHead>
      <DrawerPanelBody>
        {event === undefined && asked.isError && <Problem error={asked.error} again={() => void asked.refetch()} />}
        {event === undefined && !asked.isError && <Skeleton height="8rem" screenreaderText="Loading" />}
        {event !== undefined && (
          <>
            <p>
              <bdi dir="auto">{event.text}</bdi>
            </p>
            <DescriptionList isHorizontal isCompact className="fcr-space" horizontalTermWidthModifier={{ default: '8rem' }}>
              <Line term="Time">
                <Time at={event.at} /> (<Time at={event.at} relative />)
              </Line>
              <Line term="Severity">
                <State tone={severityTone[event.severity]} text={event.severity} />
              </Line>
              <Line term="Type">
                <span className="fcr-mono">{event.type}</span>{' '}
                <Button variant="link" size="sm" isInline aria-label="Only events of this type" onClick={() => onType(event.type)}>
                  only these
                </Button>
              </Line>
              <Line term="Category">{event.category}</Line>
              <Fields event={event} onMatch={onMatch} />
            </DescriptionList>
          </>
        )}
      </DrawerPanelBody>
    </DrawerPanelContent>
  );
}
