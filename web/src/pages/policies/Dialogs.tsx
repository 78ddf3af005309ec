import { NumberInput, TextInput } from '@patternfly/react-core';
import { useState } from 'react';
import type { Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { Confirm } from '../../components/Confirm';
import { Field } from '../../components/Field';
import { FormModal } from '../../components/FormModal';
import { fieldMessage } from '../../components/Problem';
import type { PolicyActions } from './usePolicyActions';
import { effectOfDelete } from './view';

type Policy = Schema['PolicyItem'];

/** What is asked before it is done. */
export interface Asked {
  what: 'move' | 'clone' | 'rename' | 'delete';
  policy: Policy;
}

interface DialogProps {
  policy: Policy;
  actions: PolicyActions;
  onClose: () => void;
}

const changedMeanwhile = (error: unknown) =>
  error !== undefined && asProblem(error).status === 412 ? 'Somebody changed it meanwhile. Close this, look at it again, and then decide.' : undefined;

function MoveDialog({ policy, total, actions, onClose }: DialogProps & { total: number }) {
  const [to, setTo] = useState(policy.position ?? 1);
  const within = (n: number) => Math.min(Math.max(1, total), Math.max(1, Math.round(n)));
  return (
    <FormModal
      title={`Move ${policy.name}`}
      text="The first enabled policy that matches a flow decides about it."
      action="Move"
      incomplete={!Number.isInteger(to)}
      onSubmit={() => actions.moveTo(policy, within(to))}
      onClose={onClose}
    >
      {(error) => (
        <Field id="move-to" label="Place" error={fieldMessage(error, 'position') ?? changedMeanwhile(error)} help={`1 to ${total}; it is at ${policy.position ?? '–'} now`}>
          <NumberInput
            inputProps={{ id: 'move-to' }}
            inputAriaLabel="Place"
            minusBtnAriaLabel="One up"
            plusBtnAriaLabel="One down"
            value={to}
            min={1}
            max={total}
            onMinus={() => setTo(within(to - 1))}
            onPlus={() => setTo(within(to + 1))}
            onChange={(e) => setTo(Number(e.currentTarget.value))}
            onBlur={() => setTo(within(to))}
          />
        </Field>
      )}
    </FormModal>
  );
}

function NameDialog({ policy, onClose, title, text, action, start, onName }: DialogProps & { title: string; text: string; action: string; start: string; onName: (name: string) => Promise<void> }) {
  const [name, setName] = useState(start);
  return (
    <FormModal title={title} text={text} action={action} incomplete={name.trim() === '' || name === policy.name} onSubmit={() => onName(name)} onClose={onClose}>
      {(error) => (
        <Field id="policy-to" label="Name" required error={fieldMessage(error, 'to') ?? changedMeanwhile(error)} help="1 to 64 characters that print">
          <TextInput id="policy-to" value={name} maxLength={256} dir="auto" autoFocus onChange={(_, v) => setName(v)} />
        </Field>
      )}
    </FormModal>
  );
}

/** Dialogs asks what is to be asked. */
export function Dialogs({ asked, total, actions, onClose, onGone }: { asked: Asked | undefined; total: number; actions: PolicyActions; onClose: () => void; onGone?: (now: string) => void }) {
  if (asked === undefined) return null;
  const { policy } = asked;
  const common = { policy, actions, onClose };
  switch (asked.what) {
    case 'move':
      return <MoveDialog {...common} total={total} />;
    case 'clone':
      return (
        <NameDialog
          {...common}
          title={`Clone ${policy.name}`}
          text="The copy goes behind the original, which decides before it: change its match, or disable one of them."
          action="Clone"
          start={`${policy.name} copy`}
          onName={(to) => actions.clone(policy, to)}
        />
      );
    case 'rename':
      return (
        <NameDialog
          {...common}
          title={`Rename ${policy.name}`}
          text="Counts by policy go on under the new name; those of before stay under the old one."
          action="Rename"
          start={policy.name ?? ''}
          onName={async (to) => {
            await actions.rename(policy, to);
            onGone?.(to);
          }}
        />
      );
    case 'delete':
      return (
        <Confirm
          title={`Delete policy ${policy.name}`}
          action="Delete"
          onConfirm={async () => {
            await actions.remove(policy);
            onGone?.('');
          }}
          onClose={onClose}
        >
          <p>{effectOfDelete(policy)} Nothing happens to traffic until the changes are applied.</p>
        </Confirm>
      );
  }
}
