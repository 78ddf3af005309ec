import { Button, Form, FormGroup, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api } from '../../api/client';
import { Hint, saidBesideFields } from '../../components/Hint';
import { fieldMessage, Problem } from '../../components/Problem';
import { Suggest, type Suggestion } from '../../components/Suggest';
import { useToast } from '../../components/Toasts';
import { wwnOf } from '../../components/wwn';
import { useAttempt } from '../../components/useAttempt';

/** What is read of an end: a WWN as the appliance writes it, else an alias as it was typed. */
const understood = (text: string) => {
  const wwn = wwnOf(text);
  return wwn === undefined || wwn === text.trim() ? undefined : wwn;
};

/** AheadForm creates a flow before its first frame, so that its verdict stands when it comes. */
export function AheadForm({ ends, onClose, onCreated }: { ends: readonly Suggestion[]; onClose: () => void; onCreated: () => void }) {
  const [form, setForm] = useState({ initiator: '', target: '', vsan: '0', fabric: '0' });
  const { busy, error, attempt } = useAttempt();
  const toast = useToast();
  const client = useQueryClient();
  const numbers = { vsan: Number(form.vsan), fabric: Number(form.fabric) };
  const wrong = {
    vsan: /^\d{1,4}$/.test(form.vsan) && numbers.vsan <= 4094 ? fieldMessage(error, 'vsan') : 'A number from 0 to 4094; 0 is untagged.',
    fabric: /^\d{1,2}$/.test(form.fabric) && numbers.fabric <= 15 ? fieldMessage(error, 'fabric') : 'A number from 0 to 15.',
  };
  const ready = form.initiator.trim() !== '' && form.target.trim() !== '' && !Number.isNaN(numbers.vsan) && !Number.isNaN(numbers.fabric);
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    if (!ready || busy) return;
    await attempt(async () => {
      const { response } = await api.POST('/api/v1/flows', { body: { initiator: form.initiator.trim(), target: form.target.trim(), ...numbers } });
      toast({ title: response.status === 201 ? 'The flow is created ahead' : 'The flow was there already; it is kept from now on', variant: 'success' });
      void client.invalidateQueries({ queryKey: ['get', '/api/v1/flows/ahead'] });
      onCreated();
      onClose();
    });
  };
  const end = (side: 'initiator' | 'target', label: string) => (
    <FormGroup label={label} fieldId={`ahead-${side}`} isRequired>
      <Suggest id={`ahead-${side}`} label={label} value={form[side]} onChange={(v) => setForm({ ...form, [side]: v })} suggestions={ends} placeholder="Alias, or WWPN in any spelling" />
      <Hint id={`ahead-${side}-hint`} error={fieldMessage(error, side)} text={understood(form[side])} />
    </FormGroup>
  );
  const number = (field: 'vsan' | 'fabric', label: string) => (
    <FormGroup label={label} fieldId={`ahead-${field}`}>
      <TextInput id={`ahead-${field}`} value={form[field]} inputMode="numeric" onChange={(_, v) => setForm({ ...form, [field]: v.trim() })} validated={wrong[field] === undefined ? 'default' : 'error'} />
      <Hint id={`ahead-${field}-hint`} error={wrong[field]} />
    </FormGroup>
  );
  return (
    <Modal variant="small" isOpen onClose={onClose} aria-labelledby="ahead-title">
      <ModalHeader
        title="Create a flow ahead"
        labelId="ahead-title"
        description="It stands in the data plane’s table, with its verdict, as soon as both ends are logged in, and does not end when it is idle. It is kept over restarts."
      />
      <ModalBody>
        <Form id="ahead-form" onSubmit={(e) => void submit(e)}>
          {end('initiator', 'Initiator')}
          {end('target', 'Target')}
          {number('vsan', 'VSAN')}
          {number('fabric', 'Fabric')}
          {error !== undefined && !saidBesideFields(error, ['initiator', 'target', 'vsan', 'fabric']) && <Problem error={error} />}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="ahead-form" isLoading={busy} isDisabled={busy || !ready || (wrong.vsan !== undefined && error === undefined) || (wrong.fabric !== undefined && error === undefined)}>
          Create the flow
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
