import { Button, Form, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';
import { Dialog } from './Dialog';

export interface FormDialogProps {
  title: string;
  /** What follows from it, or what it is for. */
  text?: ReactNode;
  /** The name of the button that does it. */
  action: string;
  wide?: boolean;
  /** It is under way. */
  busy: boolean;
  /** It has all that it needs. */
  ready: boolean;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** FormDialog is how a form in a dialog looks: its button sends it, and so does Enter. */
export function FormDialog({ title, text, action, wide = false, busy, ready, onSubmit, onClose, children }: FormDialogProps) {
  const id = useId();
  const can = ready && !busy;
  return (
    <Dialog variant={wide ? 'medium' : 'small'} onClose={onClose} busy={busy} aria-labelledby={`${id}-title`}>
      <ModalHeader title={title} labelId={`${id}-title`} description={text} />
      <ModalBody>
        <Form
          id={`${id}-form`}
          onSubmit={(e) => {
            e.preventDefault();
            if (can) onSubmit();
          }}
        >
          {children}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={`${id}-form`} isLoading={busy} isDisabled={!can}>
          {action}
        </Button>
        <Button variant="link" isDisabled={busy} onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  );
}
