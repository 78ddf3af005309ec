import { ActionGroup, Alert, Button } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { asProblem } from '../api/problem';
import { Confirm } from './Confirm';
import { Problem } from './Problem';
import type { Editing } from './useObjectEditor';

/** Said is what stands under the form: what failed, what is missing, or that the appliance takes it. */
function Said({ edit }: { edit: Editing }) {
  if (edit.failed !== undefined) return <Problem error={edit.failed} />;
  if (!edit.changed || edit.conflict !== undefined) return null;
  if (edit.lacks !== undefined) return <p className="fcr-subtle">{edit.lacks}</p>;
  if (edit.said !== undefined && edit.said !== null && asProblem(edit.said).status !== 412) {
    const p = asProblem(edit.said);
    const whole = p.fields?.filter((f) => f.location === 'body').map((f) => f.message) ?? [];
    const text = whole.length > 0 ? whole.join(' ') : (p.detail ?? 'See what stands beside the fields.');
    return <Alert isInline isPlain variant="warning" title="The appliance would not take it like this">{text}</Alert>;
  }
  return (
    <p className="fcr-subtle" role="status">
      {edit.checking ? 'The appliance looks at it.' : edit.checked ? 'The appliance would take it like this.' : ''}
    </p>
  );
}

/** ObjectActions ends a form over the pending configuration: what stands in the way (children), what the appliance says of it, save, and leave. */
export function ObjectActions({ edit, back, onLeave, saved, children }: { edit: Editing; back: string; onLeave: () => void; saved: boolean; children?: ReactNode }) {
  const [asking, ask] = useState(false);
  return (
    <>
      {children}
      {saved && !edit.changed && <SavedLine />}
      <Said edit={edit} />
      <ActionGroup>
        <Button type="submit" isLoading={edit.saving} isDisabled={edit.saving || !edit.changed || edit.conflict !== undefined || edit.lacks !== undefined}>
          Save as pending
        </Button>
        <Button variant="link" onClick={() => (edit.changed ? ask(true) : onLeave())}>
          {edit.changed ? 'Cancel' : back}
        </Button>
      </ActionGroup>
      {asking && (
        <Confirm title="Leave without saving" action="Leave" danger={false} onConfirm={async () => onLeave()} onClose={() => ask(false)}>
          <p>What you typed here is lost.</p>
        </Confirm>
      )}
    </>
  );
}

/** SavedLine says that what was saved decides nothing yet. */
const SavedLine = () => (
  <Alert isInline variant="success" title="Saved. The edit is pending and decides nothing yet">
    <Link href="/changes">Look at the changes and apply them</Link>
  </Alert>
);
