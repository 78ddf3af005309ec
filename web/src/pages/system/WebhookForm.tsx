import { Alert, FormSelect, FormSelectOption, Switch, TextArea, TextInput } from '@patternfly/react-core';
import { useState } from 'react';
import { api, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { Field } from '../../components/Field';
import { FormModal } from '../../components/FormModal';
import { fieldMessage } from '../../components/Problem';

type Webhook = Schema['Webhook'];
type Severity = NonNullable<Schema['HookFilter']['severity']>;
const severities: readonly Severity[] = ['info', 'notice', 'warning', 'error', 'critical'];
const isSeverity = (v: string): v is Severity => severities.some((s) => s === v);
const list = (text: string) => text.split(/[\s,]+/).filter((t) => t !== '');

interface WebhookFormProps {
  was: { hook: Webhook; tag: string } | undefined;
  onDone: (name: string, secret: string | undefined) => void;
  onClose: () => void;
}

/** WebhookForm makes a webhook, or changes one. onDone gets the secret of a new one. */
export function WebhookForm({ was, onDone, onClose }: WebhookFormProps) {
  const hook = was?.hook;
  const [name, setName] = useState(hook?.name ?? '');
  const [url, setUrl] = useState(hook?.url ?? 'https://');
  const [enabled, setEnabled] = useState(hook?.enabled ?? true);
  const [severity, setSeverity] = useState<string>(hook?.filter?.severity ?? '');
  const [types, setTypes] = useState((hook?.filter?.types ?? []).join(' '));
  const [http, setHttp] = useState(hook?.allow_http ?? false);
  const [near, setNear] = useState(hook?.allow_local ?? false);
  const [ca, setCa] = useState(hook?.ca ?? '');
  const [note, setNote] = useState(hook?.note ?? '');
  const submit = async () => {
    const { severity: _, types: __, ...rest } = hook?.filter ?? {};
    const filter = { ...rest, ...(isSeverity(severity) ? { severity } : {}), ...(list(types).length === 0 ? {} : { types: list(types) }) };
    const body = { url, enabled, filter, allow_http: http, allow_local: near, ...(ca === '' ? {} : { ca }), ...(note === '' ? {} : { note }) };
    const { data } = await api.PUT('/api/v1/webhooks/{name}', { params: { path: { name }, header: was === undefined ? { 'If-None-Match': '*' } : { 'If-Match': was.tag } }, body });
    onDone(name, data?.secret);
  };
  const conflict = hook === undefined ? 'There is a webhook of that name already' : 'Somebody changed this webhook meanwhile: close this, look at it, and begin again';
  return (
    <FormModal
      title={hook === undefined ? 'Create webhook' : `Edit webhook ${hook.name}`}
      text="Events are posted to it as signed JSON, in the order of the log, again and again until they are taken or a day old."
      action={hook === undefined ? 'Create webhook' : 'Save'}
      incomplete={name === '' || url === ''}
      onSubmit={submit}
      onClose={onClose}
    >
      {(error) => (
        <>
          {error !== undefined && asProblem(error).status === 412 && <Alert isInline variant="warning" title={conflict} />}
          {hook === undefined && (
            <Field id="hook-name" label="Name" required error={fieldMessage(error, 'name')} help="Lower case letters, digits, dots, dashes and underscores.">
              <TextInput id="hook-name" value={name} maxLength={63} onChange={(_, v) => setName(v)} />
            </Field>
          )}
          <Field id="hook-url" label="URL" required error={fieldMessage(error, 'url')}>
            <TextInput id="hook-url" type="url" value={url} maxLength={2048} onChange={(_, v) => setUrl(v)} />
          </Field>
          <Switch id="hook-enabled" label="Enabled" isChecked={enabled} onChange={(_, v) => setEnabled(v)} />
          <Field id="hook-severity" label="Severity" error={fieldMessage(error, 'filter/severity')} help="A major alarm counts as error.">
            <FormSelect id="hook-severity" value={severity} onChange={(_, v) => setSeverity(v)}>
              <FormSelectOption value="" label="Any" />
              {severities.map((s) => (
                <FormSelectOption key={s} value={s} label={`${s}, and worse`} />
              ))}
            </FormSelect>
          </Field>
          <Field id="hook-types" label="Types" error={fieldMessage(error, 'filter/types')} help="Types of events or their beginnings, as alarm.raised or role; none: all.">
            <TextInput id="hook-types" value={types} onChange={(_, v) => setTypes(v)} />
          </Field>
          <Switch id="hook-http" label="Allow http: whoever is on the way can read the events" isChecked={http} onChange={(_, v) => setHttp(v)} />
          <Switch id="hook-local" label="Allow addresses of this node" isChecked={near} onChange={(_, v) => setNear(v)} />
          <Field id="hook-ca" label="Certificates that it may be signed by" error={fieldMessage(error, 'ca')} help="PEM, instead of those of the system.">
            <TextArea id="hook-ca" value={ca} rows={2} onChange={(_, v) => setCa(v)} />
          </Field>
          <Field id="hook-note" label="Note" error={fieldMessage(error, 'note')}>
            <TextInput id="hook-note" value={note} maxLength={1024} onChange={(_, v) => setNote(v)} />
          </Field>
        </>
      )}
    </FormModal>
  );
}
