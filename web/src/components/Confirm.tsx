import { Button, Modal, ModalBody, ModalFooter, ModalHeader, type ButtonProps } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { Problem } from './Problem';

export interface ConfirmProps {
  /** What happens to what: "Restart role store". It is the title, and the button's name. */
  title: string;
  action: string;
  /** What follows from it. */
  children: ReactNode;
  danger?: boolean;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** Confirm asks before something is done that cannot simply be undone. It names the object and the effect, and says what failed. */
export function Confirm({ title, action, children, danger = true, onConfirm, onClose }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const go = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal variant="small" isOpen onClose={onClose} aria-labelledby="confirm-title" aria-describedby="confirm-text">
      <ModalHeader title={title} labelId="confirm-title" {...(danger ? { titleIconVariant: 'warning' as const } : {})} />
      <ModalBody id="confirm-text">
        {children}
        {error !== undefined && <Problem error={error} />}
      </ModalBody>
      <ModalFooter>
        <Button variant={danger ? 'danger' : 'primary'} isLoading={busy} isDisabled={busy} onClick={() => void go()}>
          {action}
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}

/** ConfirmButton is a button that asks first. */
export function ConfirmButton({ label, confirm, ...button }: { label: string; confirm: Omit<ConfirmProps, 'onClose'> } & Omit<ButtonProps, 'onClick' | 'children'>) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button {...button} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open && <Confirm {...confirm} onClose={() => setOpen(false)} />}
    </>
  );
}
