import { Button, Form, FormGroup, Label, LabelGroup, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { useMemo, useState, type FormEvent } from 'react';
import { api, ifMatch } from '../../api/client';
import { useForgetConfiguration } from '../../app/change';
import { Hint, saidBesideFields } from '../../components/Hint';
import { fieldMessage, Problem } from '../../components/Problem';
import { Suggest } from '../../components/Suggest';
import { useToast } from '../../components/Toasts';
import { Name } from '../../components/Wwn';
import { isMask, nameProblem, wwnOf } from '../../components/wwn';
import { ConflictNote } from './ConflictNote';
import type { Alias, NameSet } from './names';
import { orNothing, useSaving } from './useSaving';

/** memberOf is a member as it is kept: an alias, a WWPN with colons, a mask; undefined when the text is none. */
function memberOf(text: string, aliases: readonly Alias[]): string | undefined {
  const t = text.trim();
  if (aliases.some((a) => a.name === t)) return t;
  return wwnOf(t) ?? (isMask(t) ? t.toLowerCase() : undefined);
}

function Members({ members, aliases, onChange, error }: { members: readonly string[]; aliases: readonly Alias[]; onChange: (m: string[]) => void; error?: string }) {
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
    <>
      <div className="fcr-names-add">
        <Suggest id="set-member" label="Members" value={text} onChange={setText} onPick={add} suggestions={suggestions} placeholder="An alias, a WWPN, or a mask as 20:00:02:fc:*" />
        <Button variant="secondary" onClick={() => add(text)}>
          Add
        </Button>
      </div>
      <Hint id="set-member-hint" error={wrong === '' ? error : wrong} text={members.length === 0 ? 'Add at least one.' : `${members.length} in the set.`} />
      <LabelGroup aria-label="Members of the set" numLabels={40} className="fcr-names-members">
        {members.map((m) => (
          <Label key={m} variant="outline" textMaxWidth="20rem" onClose={() => onChange(members.filter((o) => o !== m))} closeBtnAriaLabel={`Take ${m} out`}>
            <Name name={m} />
          </Label>
        ))}
      </LabelGroup>
    </>
  );
}

async function write(before: NameSet | undefined, version: number | undefined, name: string, members: string[]): Promise<void> {
  const old = before?.name ?? name;
  let at = version ?? before?.version;
  if (before !== undefined && name !== old) {
    const { data } = await api.POST('/api/v1/sets/{name}/rename', { params: { path: { name: old }, header: ifMatch(at) }, body: { to: name } });
    at = data?.version;
    if (JSON.stringify(members) === JSON.stringify(before.members)) return;
  }
  await api.PUT('/api/v1/sets/{name}', { params: { path: { name }, header: at === undefined ? { 'If-None-Match': '*' } : ifMatch(at) }, body: { members } });
}

/** SetForm makes a set, or edits one: a name for several ports, which policies can match at once. */
export function SetForm({ set, aliases, onClose }: { set?: NameSet; aliases: readonly Alias[]; onClose: () => void }) {
  const [name, setName] = useState(set?.name ?? '');
  const [members, setMembers] = useState<string[]>(set?.members ?? []);
  const [tried, setTried] = useState(false);
  const toast = useToast();
  const forget = useForgetConfiguration();
  const saving = useSaving<NameSet>(() => orNothing(api.GET('/api/v1/sets/{name}', { params: { path: { name: set?.name ?? name } } })));
  const wrongName = (tried || name !== '' ? nameProblem(name) : undefined) ?? fieldMessage(saving.error, 'name') ?? fieldMessage(saving.error, 'to');
  const save = async (version?: number) => {
    setTried(true);
    if (nameProblem(name) !== undefined || members.length === 0) return;
    if (!(await saving.save(() => write(set, version, name, members)))) return;
    toast({ title: `Set ${name} is in the pending configuration`, text: 'It counts when the changes are applied.', variant: 'success' });
    forget();
    onClose();
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    void save();
  };
  const theirs = saving.conflict?.theirs;
  return (
    <Modal variant="medium" isOpen onClose={onClose} aria-labelledby="set-title">
      <ModalHeader title={set === undefined ? 'Make a set' : 'Edit the set'} labelId="set-title" description="A set is a name for several ports. A policy that matches the set matches each of them." />
      <ModalBody>
        <Form id="set-form" onSubmit={submit}>
          <FormGroup label="Name" fieldId="set-name" isRequired>
            <TextInput id="set-name" value={name} onChange={(_, v) => setName(v)} autoFocus dir="auto" autoComplete="off" validated={wrongName === undefined ? 'default' : 'error'} aria-describedby="set-name-hint" />
            <Hint id="set-name-hint" error={wrongName} />
          </FormGroup>
          <FormGroup label="Members" fieldId="set-member" isRequired>
            <Members members={members} aliases={aliases} onChange={setMembers} error={tried && members.length === 0 ? 'Add at least one.' : fieldMessage(saving.error, 'members')} />
          </FormGroup>
          {saving.conflict !== undefined && (
            <ConflictNote
              mine={`${name}: ${members.join(', ')}`}
              theirs={theirs === undefined ? undefined : `${theirs.name ?? ''}: ${theirs.members.join(', ')}`}
              onOver={theirs === undefined ? undefined : () => void save(theirs.version)}
              onTheirs={() => {
                forget();
                onClose();
              }}
            />
          )}
          {saving.error !== undefined && !saidBesideFields(saving.error, ['name', 'to', 'members']) && <Problem error={saving.error} />}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="set-form" isLoading={saving.busy} isDisabled={saving.busy}>
          Save
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
