import { Button, Label, LabelGroup } from '@patternfly/react-core';
import { useMemo, useState } from 'react';
import { api, ifMatch } from '../../api/client';
import { Field } from '../../components/Field';
import { fieldMessage } from '../../components/Problem';
import { Suggest } from '../../components/Suggest';
import { useObjectEditor, type ObjectKind } from '../../components/useObjectEditor';
import { Name } from '../../components/Wwn';
import { EditDialog } from './EditDialog';
import { emptySet, memberOf, setBesides, setBody, setLacks, setOf, type SetTyped } from './form';
import type { Alias, NameSet } from './names';

function Members({ members, aliases, onChange, error }: { members: readonly string[]; aliases: readonly Alias[]; onChange: (m: readonly string[]) => void; error?: string }) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState('');
  const suggestions = useMemo(() => aliases.filter((a) => !members.includes(a.name ?? '')).map((a) => ({ value: a.name ?? '', text: a.wwpn })), [aliases, members]);
  const add = (v: string) => {
    const member = memberOf(v, aliases);
    if (member === undefined) {
      setWrong(v.trim() === '' ? '' : 'No alias of this name, no WWPN and no mask.');
      return;
    }
    setWrong('');
    setText('');
    if (!members.includes(member)) onChange([...members, member]);
  };
  return (
    <Field id="set-member" label="Members" required error={wrong === '' ? error : wrong} help={members.length === 0 ? 'Add at least one.' : `${members.length} in the set.`}>
      <div className="fcr-names-add">
        <Suggest id="set-member" label="Members" value={text} onChange={setText} onPick={add} suggestions={suggestions} placeholder="An alias, a WWPN, or a mask as 20:00:02:fc:*" />
        <Button variant="secondary" onClick={() => add(text)}>
          Add
        </Button>
      </div>
      <LabelGroup aria-label="Members of the set" numLabels={40} className="fcr-names-members">
        {members.map((m) => (
          <Label key={m} variant="outline" textMaxWidth="20rem" onClose={() => onChange(members.filter((o) => o !== m))} closeBtnAriaLabel={`Take ${m} out`}>
            <Name name={m} />
          </Label>
        ))}
      </LabelGroup>
    </Field>
  );
}

const setKind: ObjectKind<NameSet, SetTyped> = {
  word: 'Set',
  empty: emptySet,
  formOf: setOf,
  bodyOf: setBody,
  missing: setLacks,
  put: async (form, version, dry) => {
    const header = version === undefined ? { 'If-None-Match': '*' } : ifMatch(version);
    const { data } = await api.PUT('/api/v1/sets/{name}', { params: { path: { name: form.name }, header, query: dry ? { dry_run: true } : {} }, body: setBody(form) });
    if (data === undefined) throw new Error('A set was sent, and nothing came back.');
    return data;
  },
};

interface SetFormProps {
  /** The set that is edited, as it is now; without it a new one is made. */
  now?: NameSet;
  /** The one that is edited was deleted meanwhile. */
  gone?: boolean;
  aliases: readonly Alias[];
  onClose: () => void;
}

/** SetForm makes a set, or edits one: a name for several ports, which policies can match at once. */
export function SetForm({ now, gone = false, aliases, onClose }: SetFormProps) {
  const edit = useObjectEditor(setKind, emptySet, now, gone, onClose);
  const { form, change } = edit;
  return (
    <EditDialog
      what="set"
      title={edit.base === undefined ? 'Make a set' : 'Edit the set'}
      text="A set is a name for several ports. A policy that matches the set matches each of them."
      wide
      edit={edit}
      besides={now === undefined ? undefined : setBesides(form, setOf(now))}
      field="members"
      onName={(name) => change({ name })}
      onClose={onClose}
    >
      <Members members={form.members} aliases={aliases} onChange={(members) => change({ members })} error={fieldMessage(edit.said, 'members')} />
    </EditDialog>
  );
}
