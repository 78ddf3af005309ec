import { Alert, Button, Checkbox, Form, FormSelect, FormSelectOption, ModalBody, ModalFooter, ModalHeader, TextArea, TextInput } from '@patternfly/react-core';
import { useState, type FormEvent } from 'react';
import { api, query, type Schema } from '../../api/client';
import { useForgetConfiguration } from '../../app/change';
import { useSession } from '../../app/session';
import { Dialog } from '../../components/Dialog';
import { Field } from '../../components/Field';
import { duration, plural } from '../../components/format';
import { fieldMessage, Problem } from '../../components/Problem';
import { useToast } from '../../components/Toasts';
import { useAttempt } from '../../components/useAttempt';
import { useDifference } from './Differences';
import { useValidation } from './Findings';

/** How long somebody may need to look whether all is well. */
const windows = [30, 60, 120, 300, 600, 1800];
const usualWindow = 60;

interface Order {
  window: number;
  immediate: boolean;
  note: string;
  ticket: string;
  without: readonly string[];
}

/** Without offers to leave nodes out that do not answer: a change is made on all nodes or on none, else. */
function Without({ away, chosen, onChange }: { away: readonly Schema['Member'][]; chosen: readonly string[]; onChange: (nodes: readonly string[]) => void }) {
  if (away.length === 0) return null;
  return (
    <Alert isInline variant="warning" title={away.length === 1 ? 'A node does not answer' : `${away.length} nodes do not answer`}>
      <p>A change is made on all nodes or on none: it is refused while one is away, unless that one is left out. It goes on with what it has then, and follows when it is back.</p>
      {away.map((m) => (
        <Checkbox
          key={m.node}
          id={`without-${m.node}`}
          label={`Leave ${m.node} out`}
          description={m.problem}
          isChecked={chosen.includes(m.node)}
          onChange={(_, on) => onChange(on ? [...chosen, m.node] : chosen.filter((n) => n !== m.node))}
        />
      ))}
    </Alert>
  );
}

function Fields({ order, set, error }: { order: Order; set: (o: Partial<Order>) => void; error: unknown }) {
  const { me } = useSession();
  return (
    <>
      {!order.immediate && (
        <Field id="apply-window" label="Confirm within" help="Unless somebody confirms in this time the data plane takes it back by itself." error={fieldMessage(error, 'window_s')}>
          <FormSelect id="apply-window" value={order.window} onChange={(_, v) => set({ window: Number(v) })}>
            {windows.map((s) => (
              <FormSelectOption key={s} value={s} label={duration(s)} />
            ))}
          </FormSelect>
        </Field>
      )}
      <Field id="apply-note" label="Note" help="Why. It stays in the history." error={fieldMessage(error, 'note')}>
        <TextArea id="apply-note" value={order.note} onChange={(_, note) => set({ note })} maxLength={4096} rows={2} resizeOrientation="vertical" />
      </Field>
      <Field id="apply-ticket" label="Ticket" error={fieldMessage(error, 'ticket')}>
        <TextInput id="apply-ticket" value={order.ticket} onChange={(_, ticket) => set({ ticket })} maxLength={128} />
      </Field>
      {me.role === 'admin' && (
        <Checkbox
          id="apply-immediate"
          label="Without a way back"
          description="Confirmed at once: if hosts lose their storage by it, nothing reverts it by itself."
          isChecked={order.immediate}
          onChange={(_, immediate) => set({ immediate })}
        />
      )}
    </>
  );
}

/** effectOf says what follows from applying. */
function effectOf(order: Order, nodes: number): string {
  const left = order.without.length;
  const where = nodes === 1 ? '' : left === 0 ? ` on all ${nodes} nodes` : ` on ${plural(nodes - left, 'node')}, without ${order.without.join(', ')}`;
  if (order.immediate) return `It goes live now${where} and stays: nothing takes it back by itself.`;
  return `It goes live now${where}; it reverts by itself in ${duration(order.window)} unless you confirm.`;
}

/** Apply makes what is pending decide. It says what follows before it does. */
export function Apply({ change, onClose }: { change: Schema['Change']; onClose: () => void }) {
  const { me } = useSession();
  const toast = useToast();
  const forget = useForgetConfiguration();
  const difference = useDifference();
  const validation = useValidation();
  const cluster = query.useQuery('get', '/api/v1/cluster');
  const [order, setOrder] = useState<Order>({ window: usualWindow, immediate: false, note: '', ticket: '', without: [] });
  const { busy, error, attempt } = useAttempt();

  const members = cluster.data?.members ?? [];
  const away = me.role === 'admin' ? members.filter((m) => !m.self && !m.reached) : [];
  const invalid = validation.data?.valid === false;
  const go = async () => {
    try {
      const { data } = await api.POST('/api/v1/change/apply', {
        body: {
          ...(order.immediate ? { immediate: true } : { window_s: order.window }),
          ...(order.note === '' ? {} : { note: order.note }),
          ...(order.ticket === '' ? {} : { ticket: order.ticket }),
          ...(order.without.length === 0 ? {} : { without: [...order.without] }),
        },
      });
      toast({
        title: `Revision ${data?.revision ?? ''} is live`,
        text: order.immediate ? undefined : 'Look whether all is well, then confirm it.',
        variant: order.immediate ? 'success' : 'info',
      });
      onClose();
    } finally {
      forget();
    }
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    void attempt(go);
  };

  const objects = difference.data?.changes.length;
  return (
    <Dialog variant="medium" onClose={onClose} busy={busy} aria-labelledby="apply-title" aria-describedby="apply-effect">
      <ModalHeader
        title={`Apply ${plural(change.pending?.edits ?? 0, 'edit')}`}
        labelId="apply-title"
        description={objects === undefined ? undefined : `${plural(objects, 'object')} of revision ${change.active.revision} ${objects === 1 ? 'changes' : 'change'}.`}
      />
      <ModalBody>
        <Form id="apply-form" onSubmit={submit}>
          {error !== undefined && <Problem error={error} />}
          {invalid && <Alert isInline variant="danger" title={`It cannot be applied: ${plural(validation.data?.errors ?? 0, 'error')}`}>The findings say what to mend.</Alert>}
          <Without away={away} chosen={order.without} onChange={(without) => setOrder({ ...order, without })} />
          <Fields order={order} set={(o) => setOrder({ ...order, ...o })} error={error} />
          <Alert isInline id="apply-effect" variant={order.immediate || order.without.length > 0 ? 'danger' : 'info'} title={effectOf(order, Math.max(1, members.length))} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="apply-form" variant={order.immediate ? 'danger' : 'primary'} isLoading={busy} isDisabled={busy || invalid}>
          {order.immediate ? 'Apply without a way back' : 'Apply now'}
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  );
}
