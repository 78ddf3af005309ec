import { Button, Form, FormGroup, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { useEffect, useState, type FormEvent } from 'react';
import { api, ifMatch } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useForgetConfiguration } from '../../app/change';
import { Hint, saidBesideFields } from '../../components/Hint';
import { fieldMessage, Problem } from '../../components/Problem';
import { useToast } from '../../components/Toasts';
import { nameProblem, wwnOf } from '../../components/wwn';
import { ConflictNote } from './ConflictNote';
import type { Alias } from './names';
import { orNothing, useSaving } from './useSaving';

/** After so long without a key the appliance is asked what it thinks. */
const typingMs = 450;

/** write makes one alias of another, or a new one: first the new name, then what it stands for. */
async function write(before: Alias | undefined, version: number | undefined, name: string, wwpn: string, dry: boolean): Promise<void> {
  const query = dry ? { dry_run: true } : {};
  if (before === undefined) {
    await api.PUT('/api/v1/aliases/{name}', { params: { path: { name }, query, header: version === undefined ? { 'If-None-Match': '*' } : ifMatch(version) }, body: { wwpn } });
    return;
  }
  const old = before.name ?? '';
  let at = version ?? before.version;
  if (name !== old) {
    const { data } = await api.POST('/api/v1/aliases/{name}/rename', { params: { path: { name: old }, query, header: ifMatch(at) }, body: { to: name } });
    at = data?.version;
    // A dry run has renamed nothing that could be written to.
    if (dry) return;
  }
  if (wwpn !== before.wwpn) await api.PUT('/api/v1/aliases/{name}', { params: { path: { name }, query, header: ifMatch(at) }, body: { wwpn } });
}

/** useDryRun is what the appliance says about what is typed, before it is saved. */
function useDryRun(before: Alias | undefined, name: string, wwpn: string | undefined): unknown {
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    setProblem(undefined);
    if (wwpn === undefined || nameProblem(name) !== undefined || (name === before?.name && wwpn === before.wwpn)) return undefined;
    let over = false;
    const timer = setTimeout(() => {
      write(before, undefined, name, wwpn, true).catch((e: unknown) => {
        if (!over) setProblem(e);
      });
    }, typingMs);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [before, name, wwpn]);
  return problem;
}

export interface AliasFormProps {
  /** The alias that is edited; without it a new one is made. */
  alias?: Alias;
  wwpn?: string;
  /** Where it is used, in words. */
  used?: string;
  onClose: () => void;
}

/** AliasForm names a WWPN, or renames it, or gives a name another WWPN. It edits what is pending. */
export function AliasForm({ alias, wwpn: first = '', used, onClose }: AliasFormProps) {
  const [name, setName] = useState(alias?.name ?? '');
  const [typed, setTyped] = useState(alias?.wwpn ?? first);
  const [tried, setTried] = useState(false);
  const toast = useToast();
  const forget = useForgetConfiguration();
  const wwpn = wwnOf(typed);
  const early = useDryRun(alias, name, wwpn);
  const saving = useSaving<Alias>(() => orNothing(api.GET('/api/v1/aliases/{name}', { params: { path: { name: alias?.name ?? name } } })));
  const problem = saving.error ?? early;
  const taken = alias === undefined && early !== undefined && asProblem(early).status === 412;
  const wrongName = (tried || name !== '' ? nameProblem(name) : undefined) ?? (taken ? 'There is an alias of this name.' : undefined) ?? fieldMessage(problem, 'name') ?? fieldMessage(problem, 'to');
  const wrongWwpn = (tried || typed.length >= 16) && wwpn === undefined ? 'Write 16 hexadecimal digits, as 20:00:02:fc:01:00:00:01.' : fieldMessage(problem, 'wwpn');

  const save = async (version?: number) => {
    setTried(true);
    if (wwpn === undefined || nameProblem(name) !== undefined) return;
    const done = await saving.save(() => write(alias, version, name, wwpn, false));
    if (!done) return;
    toast({ title: `Alias ${name} is in the pending configuration`, text: 'It counts when the changes are applied.', variant: 'success' });
    forget();
    onClose();
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    void save();
  };
  return (
    <Modal variant="small" isOpen onClose={onClose} aria-labelledby="alias-title">
      <ModalHeader title={alias === undefined ? 'Name a WWPN' : 'Edit the alias'} labelId="alias-title" description={used} />
      <ModalBody>
        <Form id="alias-form" onSubmit={submit}>
          <FormGroup label="Name" fieldId="alias-name" isRequired>
            <TextInput id="alias-name" value={name} onChange={(_, v) => setName(v)} autoFocus dir="auto" autoComplete="off" validated={wrongName === undefined ? 'default' : 'error'} aria-describedby="alias-name-hint" />
            <Hint id="alias-name-hint" error={wrongName} text={`${[...name].length} of 64 characters, of any script.`} />
          </FormGroup>
          <FormGroup label="WWPN" fieldId="alias-wwpn" isRequired>
            <TextInput id="alias-wwpn" value={typed} onChange={(_, v) => setTyped(v)} autoComplete="off" spellCheck={false} className="fcr-mono" validated={wrongWwpn === undefined ? 'default' : 'error'} aria-describedby="alias-wwpn-hint" />
            <Hint id="alias-wwpn-hint" error={wrongWwpn} text={wwpn === undefined ? 'In any spelling: colons, dashes, bare.' : wwpn} />
          </FormGroup>
          {saving.conflict !== undefined && (
            <ConflictNote
              mine={`${name} → ${wwpn ?? typed}`}
              theirs={saving.conflict.theirs === undefined ? undefined : `${saving.conflict.theirs.name ?? ''} → ${saving.conflict.theirs.wwpn}`}
              onOver={saving.conflict.theirs === undefined ? undefined : () => void save(saving.conflict?.theirs?.version)}
              onTheirs={() => {
                forget();
                onClose();
              }}
            />
          )}
          {saving.error !== undefined && !saidBesideFields(saving.error, ['name', 'to', 'wwpn']) && <Problem error={saving.error} />}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="alias-form" isLoading={saving.busy} isDisabled={saving.busy || taken}>
          Save
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
