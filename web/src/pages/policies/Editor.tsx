import { ActionGroup, Alert, Button, Form, FormSection, TextInput } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import type { Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { Confirm } from '../../components/Confirm';
import { Conflict } from '../../components/Conflict';
import { DryRun } from '../../components/DryRun';
import { Field } from '../../components/Field';
import { fieldMessage, Problem } from '../../components/Problem';
import { ActionFields, MatchFields, NoteFields, PlaceFields } from './Fields';
import { Findings } from './Findings';
import { besides, formOf, missing, type Form as Typed } from './form';
import { Preview } from './Preview';
import { useEditor, type Editor as Editing } from './useEditor';

type Policy = Schema['PolicyItem'];

/** Stay asks before what was typed is lost by closing the window. */
function useStay(changed: boolean) {
  useEffect(() => {
    if (!changed) return undefined;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [changed]);
}

/** Said is what stands under the form: what failed, what is missing, or that the appliance takes it. */
function Said({ edit }: { edit: Editing }) {
  const lacks = missing(edit.form);
  const failed = edit.error !== undefined && !edit.stale;
  if (failed) return <Problem error={edit.error} />;
  if (!edit.changed || edit.conflict !== undefined) return null;
  if (lacks !== undefined) return <p className="fcr-subtle">{lacks}</p>;
  if (edit.said !== undefined && asProblem(edit.said).status !== 412) return <p className="fcr-subtle">The appliance would not take it as it is: {asProblem(edit.said).detail ?? 'see what stands beside the fields'}</p>;
  return <p className="fcr-subtle">{edit.checking ? 'The appliance looks at it.' : edit.checked ? 'The appliance would take it like this.' : ''}</p>;
}

/** nameSays is what is wrong with a new policy's name. */
function nameSays(edit: Editing): string | undefined {
  if (edit.said === undefined || edit.base !== undefined) return undefined;
  const p = asProblem(edit.said);
  if (p.status === 412 || p.code === 'already_exists') return 'There is a policy of this name already.';
  return p.fields?.find((f) => f.location === 'path/name')?.message ?? fieldMessage(edit.said, 'name');
}

export interface EditorProps {
  start: Typed;
  now: Policy | undefined;
  gone: boolean;
  /** It was just saved: the line that says so stands. */
  saved: boolean;
  onSaved: (p: Policy) => void;
  onClose: () => void;
}

function EditForm({ edit, onCancel }: { edit: Editing; onCancel: () => void }) {
  const change = (c: Partial<Typed>) => edit.setForm((f) => ({ ...f, ...c }));
  const fields = { form: edit.form, change, said: edit.said };
  const wrong = nameSays(edit);
  return (
    <Form
      aria-label={edit.base === undefined ? 'New policy' : `Policy ${edit.form.name}`}
      onSubmit={(e) => {
        e.preventDefault();
        if (edit.changed && missing(edit.form) === undefined && edit.conflict === undefined) void edit.save();
      }}
    >
      {edit.base === undefined && (
        <Field id="policy-name" label="Name" required error={wrong} help="1 to 64 characters that print">
          <TextInput id="policy-name" value={edit.form.name} maxLength={256} dir="auto" validated={wrong === undefined ? 'default' : 'error'} onChange={(_, name) => change({ name })} />
        </Field>
      )}
      <FormSection title="Which flows" titleElement="h2">
        <MatchFields {...fields} />
      </FormSection>
      <FormSection title="What is done with them" titleElement="h2">
        <ActionFields {...fields} />
        <PlaceFields {...fields} isNew={edit.base === undefined} />
      </FormSection>
      <FormSection title="Why" titleElement="h2">
        <NoteFields {...fields} />
      </FormSection>
      <Said edit={edit} />
      <ActionGroup>
        <Button type="submit" isLoading={edit.saving} isDisabled={edit.saving || !edit.changed || edit.conflict !== undefined || missing(edit.form) !== undefined}>
          Save as pending
        </Button>
        <Button variant="link" onClick={onCancel}>
          {edit.changed ? 'Cancel' : 'Back to the policies'}
        </Button>
      </ActionGroup>
    </Form>
  );
}

/** Editor is the form of a policy, and beside it what the appliance says of it: findings, one flow, all flows. */
export function Editor({ start, now, gone, saved, onSaved, onClose }: EditorProps) {
  const edit = useEditor(start, now, gone, onSaved);
  const [asking, ask] = useState(false);
  const [dry, setDry] = useState(false);
  useStay(edit.changed);
  const name = edit.base?.name ?? '';
  const pair = { initiator: edit.form.initiator[0] ?? '', target: edit.form.target[0] ?? '', vsan: '' };
  return (
    <div className="fcr-edit">
      <div className="fcr-stack">
        {saved && !edit.changed && (
          <Alert isInline variant="success" title="Saved. The edit is pending and decides nothing yet">
            <Link href="/changes">Look at the changes and apply them</Link>
          </Alert>
        )}
        {edit.conflict === undefined ? null : (
          <Conflict what={`policy ${name}`} fields={edit.conflict === 'gone' || now === undefined ? undefined : besides(edit.form, formOf(now))} onKeep={edit.keep} onTake={edit.conflict === 'gone' ? onClose : edit.take} />
        )}
        {name === '' ? null : <Findings kind="policy" name={name} />}
        <EditForm edit={edit} onCancel={() => (edit.changed ? ask(true) : onClose())} />
      </div>
      <div className="fcr-stack">
        <Preview start={pair} name={name} on="pending" unsaved={edit.changed} />
        <section className="fcr-stack" aria-labelledby="dry-title">
          <h2 id="dry-title" className="pf-v6-c-title pf-m-lg">
            Which flows would change
          </h2>
          {dry ? (
            <DryRun minutes={10} />
          ) : (
            <div>
              <Button variant="secondary" onClick={() => setDry(true)}>
                Show which flows would change
              </Button>
            </div>
          )}
          <p className="fcr-subtle">{edit.changed ? 'It is asked of all that is pending; what you typed and did not save is not in it.' : 'It is asked of all that is pending, not of this policy alone.'}</p>
        </section>
      </div>
      {asking && (
        <Confirm title="Leave without saving" action="Leave" danger={false} onConfirm={async () => onClose()} onClose={() => ask(false)}>
          <p>What you typed here is lost.</p>
        </Confirm>
      )}
    </div>
  );
}
