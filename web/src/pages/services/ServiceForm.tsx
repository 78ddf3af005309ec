import { Form, FormSelect, FormSelectOption, TextArea, TextInput } from '@patternfly/react-core';
import { query, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useCan } from '../../app/session';
import { Conflict } from '../../components/Conflict';
import { Field } from '../../components/Field';
import { ObjectActions } from '../../components/ObjectForm';
import { fieldMessage } from '../../components/Problem';
import { nameSays, useObjectEditor, useStay } from '../../components/useObjectEditor';
import { Findings } from '../policies/Findings';
import { besides, emptyForm, formOf, sideMessages, type Form as Typed } from './form';
import { serviceKind } from './useService';
import { failureText } from './words';

interface FieldsProps {
  form: Typed;
  change: (c: Partial<Typed>) => void;
  said: unknown;
}

function PortField({ form, change, said }: FieldsProps) {
  const may = useCan('port.read');
  const ports = query.useQuery('get', '/api/v1/ports', {}, { enabled: may, staleTime: 30_000 });
  const fit = (ports.data?.items ?? []).filter((p) => p.role === 'service');
  const known = fit.some((p) => p.name === form.port);
  const sides = sideMessages(said === undefined ? undefined : asProblem(said).fields);
  return (
    <Field
      id="service-port"
      label="Port"
      required
      error={fieldMessage(said, 'port') ?? sides.port}
      help={ports.data !== undefined && fit.length === 0 ? 'There is no port of role service: it is given its role in the boot file.' : 'A port of role service'}
    >
      <FormSelect id="service-port" value={form.port} onChange={(_, port) => change({ port })}>
        <FormSelectOption value="" label="Choose a port" isPlaceholder />
        {form.port !== '' && !known ? <FormSelectOption value={form.port} label={`${form.port} (no port of role service)`} /> : null}
        {fit.map((p) => (
          <FormSelectOption key={p.name} value={p.name} label={`${p.name}${p.up ? '' : ' (no link)'}`} />
        ))}
      </FormSelect>
    </Field>
  );
}

function Fields(props: FieldsProps) {
  const { form, change, said } = props;
  const sides = sideMessages(said === undefined ? undefined : asProblem(said).fields);
  return (
    <>
      <Field id="service-mode" label="Mode" required error={fieldMessage(said, 'mode')} help={form.mode === 'steer' ? 'It gets the frames themselves and hands them back.' : 'It gets copies and keeps them.'}>
        <FormSelect id="service-mode" value={form.mode} onChange={(_, v) => change({ mode: v === 'mirror' ? 'mirror' : 'steer' })}>
          <FormSelectOption value="steer" label="Steer" />
          <FormSelectOption value="mirror" label="Mirror" />
        </FormSelect>
      </Field>
      <PortField {...props} />
      <Field
        id="service-mac"
        label="MAC address"
        required={form.mode === 'steer'}
        error={fieldMessage(said, 'mac') ?? sides.mac}
        help={form.mode === 'steer' ? 'Where frames are addressed to' : 'Where copies are addressed to. Without it they keep their addresses.'}
      >
        <TextInput id="service-mac" value={form.mac} maxLength={32} placeholder="02:fc:5e:00:00:01" onChange={(_, mac) => change({ mac })} />
      </Field>
      <Field id="service-vlan" label="VLAN" error={fieldMessage(said, 'vlan')} help="1 to 4094, the tag of frames to the service. Nothing leaves the frame's own.">
        <TextInput id="service-vlan" inputMode="numeric" value={form.vlan} onChange={(_, vlan) => change({ vlan })} />
      </Field>
      {form.mode === 'steer' && (
        <Field id="service-failure" label="While it is down" error={fieldMessage(said, 'on_failure')} help="A policy may say otherwise for its flows.">
          <FormSelect id="service-failure" value={form.onFailure} onChange={(_, v) => change({ onFailure: v === 'bypass' || v === 'block' ? v : '' })}>
            <FormSelectOption value="" label="Bypass, as nothing else is said" />
            <FormSelectOption value="bypass" label={failureText({ mode: 'steer', on_failure: 'bypass' })} />
            <FormSelectOption value="block" label={failureText({ mode: 'steer', on_failure: 'block' })} />
          </FormSelect>
        </Field>
      )}
      <Field id="service-note" label="Note" error={fieldMessage(said, 'note')}>
        <TextArea id="service-note" value={form.note} rows={3} resizeOrientation="vertical" maxLength={4096} dir="auto" onChange={(_, note) => change({ note })} />
      </Field>
    </>
  );
}

export interface ServiceFormProps {
  now: Schema['ServiceItem'] | undefined;
  gone: boolean;
  saved: boolean;
  onSaved: (s: Schema['ServiceItem']) => void;
  onClose: () => void;
}

/** ServiceForm makes or changes a service of the pending configuration. */
export function ServiceForm({ now, gone, saved, onSaved, onClose }: ServiceFormProps) {
  const edit = useObjectEditor(serviceKind, emptyForm, now, gone, onSaved);
  useStay(edit.changed);
  const { form, change, base } = edit;
  const name = base?.name ?? '';
  const wrong = base === undefined ? nameSays(edit.said, 'a service') : undefined;
  return (
    <div className="fcr-stack">
      {name === '' ? null : <Findings kind="service" name={name} />}
      <Form
        aria-label={base === undefined ? 'New service' : `Service ${name}`}
        onSubmit={(e) => {
          e.preventDefault();
          if (edit.changed && edit.lacks === undefined && edit.conflict === undefined && !edit.saving) void edit.save();
        }}
      >
        {base === undefined && (
          <Field id="service-name" label="Name" required error={wrong} help="1 to 64 characters that print">
            <TextInput id="service-name" value={form.name} maxLength={256} dir="auto" validated={wrong === undefined ? 'default' : 'error'} onChange={(_, v) => change({ name: v })} />
          </Field>
        )}
        <Fields form={form} change={change} said={edit.said} />
        <ObjectActions edit={edit} saved={saved} back="Back to the services" onLeave={onClose}>
          {edit.conflict === undefined ? null : (
            <Conflict what={`service ${name}`} fields={edit.conflict === 'gone' || now === undefined ? undefined : besides(form, formOf(now))} onKeep={edit.keep} onTake={edit.conflict === 'gone' ? onClose : edit.take} />
          )}
        </ObjectActions>
      </Form>
    </div>
  );
}
