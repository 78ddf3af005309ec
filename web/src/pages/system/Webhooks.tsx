import { Button, ClipboardCopy, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useState } from 'react';
import { api, query, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useCan } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { Dialog } from '../../components/Dialog';
import { count } from '../../components/format';
import { State, type Tone } from '../../components/State';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';
import { Name } from '../../components/Wwn';
import { WebhookForm } from './WebhookForm';

type Webhook = Schema['Webhook'];

const tones: Record<Webhook['state']['state'], Tone> = { disabled: 'neutral', idle: 'info', ok: 'good', failing: 'bad', no_secret: 'warning' };

const columns: readonly Column<Webhook>[] = [
  { id: 'name', title: 'Name', render: (w) => <Name name={w.name} /> },
  { id: 'url', title: 'URL', render: (w) => <span className="fcr-name">{w.url}</span> },
  { id: 'state', title: 'State', render: (w) => <State tone={tones[w.state.state]} text={w.state.state.replace('_', ' ')} title={w.state.last_attempt?.error} /> },
  { id: 'waiting', title: 'Waiting', number: true, render: (w) => count(w.state.waiting) },
  { id: 'delivered', title: 'Taken', number: true, render: (w) => count(w.state.delivered) },
  { id: 'given_up', title: 'Given up', number: true, render: (w) => count(w.state.given_up) },
  { id: 'last', title: 'Taken last', render: (w) => <Time at={w.state.last_taken} relative /> },
];

/** Secret is shown once. */
const Secret = ({ name, secret, onClose }: { name: string; secret: string; onClose: () => void }) => (
  <Dialog variant="small" onClose={onClose} aria-labelledby="secret-title">
    <ModalHeader
      title={`Secret of webhook ${name}`}
      labelId="secret-title"
      description="Receivers check signatures with it. It is shown this once: copy it now."
    />
    <ModalBody>
      <ClipboardCopy isReadOnly hoverTip="Copy" clickTip="Copied" textAriaLabel="Secret">
        {secret}
      </ClipboardCopy>
    </ModalBody>
    <ModalFooter>
      <Button onClick={onClose}>I have copied it</Button>
    </ModalFooter>
  </Dialog>
);

/** read has a webhook with the tag of its version. */
async function read(name: string): Promise<{ hook: Webhook; tag: string } | undefined> {
  const { data, response } = await api.GET('/api/v1/webhooks/{name}', { params: { path: { name } } });
  return data === undefined ? undefined : { hook: data, tag: response.headers.get('ETag') ?? '*' };
}

/** Rotate asks before a webhook gets another secret. */
const Rotate = ({ name, onSecret, onClose }: { name: string; onSecret: (secret: string) => void; onClose: () => void }) => (
  <Confirm
    title={`Give webhook ${name} a new secret?`}
    action="Rotate secret"
    onClose={onClose}
    onConfirm={async () => {
      const { data } = await api.POST('/api/v1/webhooks/{name}/rotate-secret', { params: { path: { name } } });
      if (data !== undefined) onSecret(data.secret);
    }}
  >
    The old secret is of no use at once: the receiver refuses events until it has the new one.
  </Confirm>
);

/** Delete asks before a webhook goes. */
const Delete = ({ name, onDone, onClose }: { name: string; onDone: () => void; onClose: () => void }) => (
  <Confirm
    title={`Delete webhook ${name}?`}
    action="Delete webhook"
    onClose={onClose}
    onConfirm={async () => {
      const there = await read(name);
      await api.DELETE('/api/v1/webhooks/{name}', { params: { path: { name }, header: { 'If-Match': there?.tag ?? '*' } } });
      onDone();
    }}
  >
    Its receiver is told of nothing any more, and what waits for it is dropped.
  </Confirm>
);

/** useTest has a webhook tried, and says how that went. */
function useTest() {
  const toast = useToast();
  return async (name: string) => {
    const { data } = await api.POST('/api/v1/webhooks/{name}/test', { params: { path: { name } } });
    const { error, status, duration_ms } = data?.attempt ?? {};
    const text = error ?? (status === undefined ? undefined : `Status ${status}, ${duration_ms} ms.`);
    if (data?.taken === true) toast({ title: `${name} took the test`, text, variant: 'success' });
    else toast({ title: `${name} did not take the test`, text, variant: 'danger' });
  };
}

/** Webhooks lists who is told of events, and how that goes. */
export function Webhooks() {
  const may = useCan('webhook.write');
  const toast = useToast();
  const [editing, edit] = useState<{ was: { hook: Webhook; tag: string } | undefined }>();
  const [asking, ask] = useState<{ what: 'rotate' | 'delete'; name: string }>();
  const [secret, show] = useState<{ name: string; secret: string }>();
  const list = query.useQuery('get', '/api/v1/webhooks', { params: { query: { limit: 200 } } }, { refetchInterval: 5_000 });
  const failed = (e: unknown) => toast({ title: asProblem(e).title, text: asProblem(e).detail, variant: 'danger' });
  const test = useTest();
  const begin = (name: string) => void read(name).then((was) => was !== undefined && edit({ was }), failed);
  const done = (name: string, given: string | undefined) => {
    if (given !== undefined) show({ name, secret: given });
    void list.refetch();
  };
  return (
    <div className="fcr-stack">
      {may && (
        <div>
          <Button onClick={() => edit({ was: undefined })}>Create webhook</Button>
        </div>
      )}
      <div>
        <DataTable
          label="Webhooks"
          columns={columns}
          items={list.data?.items}
          keyOf={(w) => w.name}
          error={list.error}
          again={() => void list.refetch()}
          total={list.data?.total}
          emptyTitle="No webhooks"
          empty="Create one to have another system told of alarms and events."
          rowActions={
            may
              ? ({ name }) => [
                  { title: 'Edit', onClick: () => begin(name) },
                  { title: 'Test', onClick: () => void test(name).catch(failed) },
                  { title: 'Rotate secret', onClick: () => ask({ what: 'rotate', name }) },
                  { title: 'Delete', isDanger: true, onClick: () => ask({ what: 'delete', name }) },
                ]
              : undefined
          }
        />
      </div>
      {editing !== undefined && <WebhookForm was={editing.was} onClose={() => edit(undefined)} onDone={done} />}
      {asking?.what === 'rotate' && <Rotate name={asking.name} onSecret={(given) => done(asking.name, given)} onClose={() => ask(undefined)} />}
      {asking?.what === 'delete' && <Delete name={asking.name} onDone={() => void list.refetch()} onClose={() => ask(undefined)} />}
      {secret !== undefined && <Secret {...secret} onClose={() => show(undefined)} />}
    </div>
  );
}
