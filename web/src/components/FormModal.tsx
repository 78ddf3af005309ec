import { Button, Form, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';
import { Dialog } from './Dialog';
import { asProblem } from '../api/problem';
import { Problem } from './Problem';
import { useAttempt } from './useAttempt';

interface FormModalProps {
  title: string;
  /** What follows from it, or what it is for. */
  text?: ReactNode;
  /** The name of the button that does it. */
  action: string;
  /** Something that is needed is missing. */
  incomplete?: boolean;
  wide?: boolean;
  onSubmit: () => Promise<unknown>;
  onClose: () => void;
  /** The fields. error is what the last try ended with: fieldMessage has what it says of each. */
  children: (error: unknown) => ReactNode;
}

/** FormModal is a form in a dialog. What was typed stays when it fails, and the dialog says why. */
export function FormModal({ title, text, action, incomplete = false, wide = false, onSubmit, onClose, children }: FormModalProps) {
  const id = useId();
  const { busy, error, attempt } = useAttempt();
  const submit = async () => {
    if (busy || incomplete) return;
    await attempt(async () => {
      await onSubmit();
      onClose();
    });
  };
  // Whoever changed it meanwhile: the caller shows theirs beside mine.
  const shown = error !== undefined && asProblem(error).status !== 412;
  return (
    <Dialog variant={wide ? 'medium' : 'small'} onClose={onClose} busy={busy} aria-labelledby={`${id}-title`}>
      <ModalHeader title={title} labelId={`${id}-title`} description={text} />
      <ModalBody>
        <Form
          id={`${id}-form`}
          onSubmit={(e) => {
            e.preventDefault();
            void submit();
          }}
        >
          {children(error)}
          {shown && <Problem error={error} />}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={`${id}-form`} isLoading={busy} isDisabled={busy || incomplete}>
          {action}
        </Button>
        <Button variant="link" isDisabled={busy} onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  );
}
