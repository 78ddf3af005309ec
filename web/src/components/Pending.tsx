import { Alert, Label, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { Link } from 'wouter';
import type { Schema } from '../api/client';
import { useChange } from '../app/change';
import { useCan } from '../app/session';
import { Time } from './Time';
import type { Blocked, Differences, On } from './usePending';
import { Name } from './Wwn';

/** OnSwitch chooses between what is being edited and what decides. */
export function OnSwitch({ on, onChange }: { on: On; onChange: (on: On) => void }) {
  return (
    <ToggleGroup aria-label="Configuration">
      <ToggleGroupItem text="Pending" isSelected={on === 'pending'} onChange={() => onChange('pending')} />
      <ToggleGroupItem text="Active" isSelected={on === 'active'} onChange={() => onChange('active')} />
    </ToggleGroup>
  );
}

/** PendingLine says what the banner of the shell does not: that what is shown is not what is edited, and why nothing can be edited. */
export function PendingLine({ on, blocked }: { on: On; blocked: Blocked }) {
  const { change } = useChange();
  const looks = useCan('change.read');
  if (change === undefined) return null;
  const link = looks ? <Link href="/changes">Look at the changes</Link> : null;
  return (
    <>
      {change.pending?.outdated === true && on === 'pending' ? (
        <Alert isInline variant="warning" title="Something else decides by now than when these edits were begun">
          They have to be made again on it before they can be applied. {link}
        </Alert>
      ) : null}
      {change.pending !== undefined && on === 'active' ? (
        <Alert isInline isPlain variant="info" title="This is what decides now; what is pending is not in it">
          {link}
        </Alert>
      ) : null}
      {blocked?.why === 'locked' ? (
        <Alert isInline variant="warning" title={`Nothing can be edited here: ${blocked.owner} edits`}>
          <Name name={blocked.owner} /> has the lock since <Time at={blocked.since} />. {looks ? <Link href="/changes">Take it over on the page of changes</Link> : null}
        </Alert>
      ) : null}
      {blocked?.why === 'window' ? (
        <Alert isInline variant="info" title={`Nothing can be edited until revision ${blocked.revision ?? 'that is being applied'} is confirmed or reverted`} />
      ) : null}
    </>
  );
}

const words: Record<Schema['ObjectChange']['what'], string> = { added: 'added', removed: 'removed', changed: 'changed', moved: 'moved' };

/** DifferenceMark says in what an object differs from the one that decides. */
export function DifferenceMark({ change }: { change: Schema['ObjectChange'] | undefined }) {
  if (change === undefined) return null;
  const moved = change.moved === true && change.from !== undefined && change.to !== undefined ? `place ${change.from} to ${change.to}` : '';
  const fields = (change.fields ?? []).map((f) => f.field).join(', ');
  const title = [fields === '' ? '' : `differs in ${fields}`, moved === '' ? '' : `moved from ${moved}`].filter((t) => t !== '').join('; ');
  return (
    <Label isCompact color="blue" {...(title === '' ? {} : { title })}>
      {words[change.what]}
      {change.what === 'changed' && moved !== '' ? ' and moved' : ''}
    </Label>
  );
}

/** RemovedLine names what is there no more, once it is applied. */
export function RemovedLine({ differences, what }: { differences: Differences; what: string }) {
  if (differences.removed.length === 0) return null;
  return (
    <p className="fcr-subtle">
      {what} that decide now and are removed in what is pending:{' '}
      {differences.removed.map((name, i) => (
        <span key={name}>
          {i > 0 ? ', ' : ''}
          <Name name={name} />
        </span>
      ))}
      .
    </p>
  );
}
