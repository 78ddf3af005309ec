import { NumberInput } from '@patternfly/react-core';
import { useState } from 'react';
import type { Schema } from '../../api/client';
import { Confirm } from '../../components/Confirm';
import { Field } from '../../components/Field';
import { FormModal } from '../../components/FormModal';
import { changedMeanwhile, NewName } from '../../components/NewName';
import { fieldMessage } from '../../components/Problem';
import type { PolicyActions } from './usePolicyActions';
import { effectOfDelete } from './view';

type Policy = Schema['PolicyItem'];

/** What is asked before it is done. */
export interface Asked {
  what: 'move' | 'clone' | 'rename' | 'delete';
  policy: Policy;
}

function MoveDialog({ policy, total, actions, onClose }: { policy: Policy; total: number; actions: PolicyActions; onClose: () => void }) {
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

/** Dialogs asks what is to be asked. */
export function Dialogs({ asked, total, actions, onClose, onGone }: { asked: Asked | undefined; total: number; actions: PolicyActions; onClose: () => void; onGone?: (now: string) => void }) {
  if (asked === undefined) return null;
  const { policy } = asked;
  switch (asked.what) {
    case 'move':
      return <MoveDialog policy={policy} total={total} actions={actions} onClose={onClose} />;
    case 'clone':
      return (
        <NewName
          name={policy.name ?? ''}
          title={`Clone ${policy.name}`}
          text="The copy goes behind the original, which decides before it: change its match, or disable one of them."
          action="Clone"
          start={`${policy.name} copy`}
          onName={(to) => actions.clone(policy, to)}
          onClose={onClose}
        />
      );
    case 'rename':
      return (
        <NewName
          name={policy.name ?? ''}
          title={`Rename ${policy.name}`}
          text="Counts by policy go on under the new name; those of before stay under the old one."
          action="Rename"
          onName={async (to) => {
            await actions.rename(policy, to);
            onGone?.(to);
          }}
          onClose={onClose}
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
