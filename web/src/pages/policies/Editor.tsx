import { Button, Form, FormSection, TextInput, Title } from '@patternfly/react-core';
import { useState } from 'react';
import type { Schema } from '../../api/client';
import { Conflict } from '../../components/Conflict';
import { DryRun } from '../../components/DryRun';
import { Field } from '../../components/Field';
import { ObjectActions } from '../../components/ObjectForm';
import { nameSays, useObjectEditor, useStay } from '../../components/useObjectEditor';
import { ActionFields, MatchFields, NoteFields, PlaceFields } from './Fields';
import { Findings } from './Findings';
import { besides, formOf, type Form as Typed } from './form';
import { Preview } from './Preview';
import { policyKind } from './useEditor';

type Policy = Schema['PolicyItem'];

export interface EditorProps {
  start: Typed;
  now: Policy | undefined;
  gone: boolean;
  /** It was just saved: the line that says so stands. */
  saved: boolean;
  onSaved: (p: Policy) => void;
  onClose: () => void;
}

/** Would is which flows all that is pending would decide otherwise. It is asked when one wants it: that is not free. */
function Would({ unsaved }: { unsaved: boolean }) {
  const [asked, ask] = useState(false);
  return (
    <section className="fcr-stack" aria-labelledby="dry-title">
      <Title headingLevel="h2" size="lg" id="dry-title">
        Which flows would change
      </Title>
      {asked ? (
        <DryRun minutes={10} />
      ) : (
        <div>
          <Button variant="secondary" onClick={() => ask(true)}>
            Show which flows would change
          </Button>
        </div>
      )}
      <p className="fcr-subtle">{unsaved ? 'It is asked of all that is pending; what you typed and did not save is not in it.' : 'It is asked of all that is pending, not of this policy alone.'}</p>
    </section>
  );
}

/** Editor is the form of a policy, and beside it what the appliance says of it: findings, one flow, all flows. */
export function Editor({ start, now, gone, saved, onSaved, onClose }: EditorProps) {
  const edit = useObjectEditor(policyKind, start, now, gone, onSaved);
  useStay(edit.changed);
  const { form, change, base } = edit;
  const name = base?.name ?? '';
  const fields = { form, change, said: edit.said };
  const wrong = base === undefined ? nameSays(edit.said, 'a policy') : undefined;
  const pair = { initiator: form.initiator[0] ?? '', target: form.target[0] ?? '', vsan: '' };
  return (
    <div className="fcr-edit">
      <div className="fcr-stack">
        {name === '' ? null : <Findings kind="policy" name={name} />}
        <Form
          aria-label={base === undefined ? 'New policy' : `Policy ${name}`}
          onSubmit={(e) => {
            e.preventDefault();
            if (edit.changed && edit.lacks === undefined && edit.conflict === undefined && !edit.saving) void edit.save();
          }}
        >
          {base === undefined && (
            <Field id="policy-name" label="Name" required error={wrong} help="1 to 64 characters that print">
              <TextInput id="policy-name" value={form.name} maxLength={256} dir="auto" validated={wrong === undefined ? 'default' : 'error'} onChange={(_, v) => change({ name: v })} />
            </Field>
          )}
          <FormSection title="Which flows" titleElement="h2">
            <MatchFields {...fields} />
          </FormSection>
          <FormSection title="What is done with them" titleElement="h2">
            <ActionFields {...fields} />
            <PlaceFields {...fields} isNew={base === undefined} />
          </FormSection>
          <FormSection title="Why" titleElement="h2">
            <NoteFields {...fields} />
          </FormSection>
          <ObjectActions edit={edit} saved={saved} back="Back to the policies" onLeave={onClose}>
            {edit.conflict === undefined ? null : (
              <Conflict what={`policy ${name}`} fields={edit.conflict === 'gone' || now === undefined ? undefined : besides(form, formOf(now))} onKeep={edit.keep} onTake={edit.conflict === 'gone' ? onClose : edit.take} />
            )}
          </ObjectActions>
        </Form>
      </div>
      <div className="fcr-stack">
        <Preview start={pair} name={name} on="pending" unsaved={edit.changed} />
        <Would unsaved={edit.changed} />
      </div>
    </div>
  );
}
