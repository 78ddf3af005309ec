import { TextInput } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { Field } from '../../components/Field';
import { FormModal } from '../../components/FormModal';
import { fieldMessage } from '../../components/Problem';
import { Suggest, type Suggestion } from '../../components/Suggest';
import { useToast } from '../../components/Toasts';
import { wwnOf } from '../../components/wwn';

/** What is read of an end: a WWN as the appliance writes it, else an alias as it was typed. */
const understood = (text: string) => {
  const wwn = wwnOf(text);
  return wwn === undefined || wwn === text.trim() ? undefined : wwn;
};

const numbers = {
  vsan: { label: 'VSAN', most: 4094, wrong: 'A number from 0 to 4094; 0 is untagged.' },
  fabric: { label: 'Fabric', most: 15, wrong: 'A number from 0 to 15.' },
};

/** AheadForm creates a flow before its first frame, so that its verdict stands when it comes. Its ends are ports: a set is none. */
export function AheadForm({ ends, onClose, onCreated }: { ends: readonly Suggestion[]; onClose: () => void; onCreated: () => void }) {
  const [form, setForm] = useState({ initiator: '', target: '', vsan: '0', fabric: '0' });
  const toast = useToast();
  const client = useQueryClient();
  const isNumber = (field: 'vsan' | 'fabric') => /^\d{1,4}$/.test(form[field]) && Number(form[field]) <= numbers[field].most;
  const create = async () => {
    const body = { initiator: form.initiator.trim(), target: form.target.trim(), vsan: Number(form.vsan), fabric: Number(form.fabric) };
    const { response } = await api.POST('/api/v1/flows', { body });
    toast({ title: response.status === 201 ? 'The flow is created ahead' : 'The flow was there already; it is kept from now on', variant: 'success' });
    void client.invalidateQueries({ queryKey: ['get', '/api/v1/flows/ahead'] });
    onCreated();
  };
  const end = (side: 'initiator' | 'target', label: string, error: unknown) => (
    <Field id={`ahead-${side}`} label={label} required error={fieldMessage(error, side)} help={understood(form[side])}>
      <Suggest id={`ahead-${side}`} label={label} value={form[side]} onChange={(v) => setForm({ ...form, [side]: v })} suggestions={ends} placeholder="Alias, or WWPN in any spelling" />
    </Field>
  );
  const number = (field: 'vsan' | 'fabric', error: unknown) => {
    const wrong = isNumber(field) ? fieldMessage(error, field) : numbers[field].wrong;
    return (
      <Field id={`ahead-${field}`} label={numbers[field].label} error={wrong}>
        <TextInput id={`ahead-${field}`} value={form[field]} inputMode="numeric" onChange={(_, v) => setForm({ ...form, [field]: v.trim() })} validated={wrong === undefined ? 'default' : 'error'} />
      </Field>
    );
  };
  return (
    <FormModal
      title="Create a flow ahead"
      text="It stands in the data plane’s table, with its verdict, as soon as both ends are logged in, and does not end when it is idle. It is kept over restarts."
      action="Create the flow"
      incomplete={form.initiator.trim() === '' || form.target.trim() === '' || !isNumber('vsan') || !isNumber('fabric')}
      onSubmit={create}
      onClose={onClose}
    >
      {(error) => (
        <>
          {end('initiator', 'Initiator', error)}
          {end('target', 'Target', error)}
          {number('vsan', error)}
          {number('fabric', error)}
        </>
      )}
    </FormModal>
  );
}
