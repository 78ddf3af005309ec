import { TextInput } from '@patternfly/react-core';
import { useId, useState } from 'react';
import { asProblem } from '../api/problem';
import { Field } from './Field';
import { FormModal } from './FormModal';
import { fieldMessage } from './Problem';

/** changedMeanwhile is said beside a field of a dialog that asks about an object as it was. */
export const changedMeanwhile = (error: unknown): string | undefined =>
  error !== undefined && asProblem(error).status === 412 ? 'Somebody changed it meanwhile. Close this, look at it again, and then decide.' : undefined;

export interface NewNameProps {
  title: string;
  /** What follows from it. */
  text: string;
  action: string;
  /** The name of now. */
  name: string;
  /** What the field begins with. */
  start?: string;
  onName: (to: string) => Promise<unknown>;
  onClose: () => void;
}

/** NewName asks for another name: that of an object from now on, or that of its copy. */
export function NewName({ title, text, action, name, start = name, onName, onClose }: NewNameProps) {
  const id = useId();
  const [to, setTo] = useState(start);
  return (
    <FormModal title={title} text={text} action={action} incomplete={to.trim() === '' || to === name} onSubmit={() => onName(to)} onClose={onClose}>
      {(error) => (
        <Field id={id} label="Name" required error={fieldMessage(error, 'to') ?? changedMeanwhile(error)} help="1 to 64 characters that print">
          <TextInput id={id} value={to} maxLength={256} dir="auto" autoFocus onChange={(_, v) => setTo(v)} />
        </Field>
      )}
    </FormModal>
  );
}
