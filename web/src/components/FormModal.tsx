import type { ReactNode } from 'react';
import { asProblem } from '../api/problem';
import { FormDialog, type FormDialogProps } from './FormDialog';
import { Problem } from './Problem';
import { useAttempt } from './useAttempt';

interface FormModalProps extends Pick<FormDialogProps, 'title' | 'text' | 'action' | 'wide' | 'onClose'> {
  /** Something that is needed is missing. */
  incomplete?: boolean;
  onSubmit: () => Promise<unknown>;
  /** The fields. error is what the last try ended with: fieldMessage has what it says of each. */
  children: (error: unknown) => ReactNode;
}

/** FormModal is a form in a dialog. What was typed stays when it fails, and the dialog says why. */
export function FormModal({ incomplete = false, onSubmit, onClose, children, ...dialog }: FormModalProps) {
  const { busy, error, attempt } = useAttempt();
  const submit = () =>
    void attempt(async () => {
      await onSubmit();
      onClose();
    });
  // Whoever changed it meanwhile: the caller shows theirs beside mine.
  const shown = error !== undefined && asProblem(error).status !== 412;
  return (
    <FormDialog {...dialog} busy={busy} ready={!incomplete} onSubmit={submit} onClose={onClose}>
      {children(error)}
      {shown && <Problem error={error} />}
    </FormDialog>
  );
}
