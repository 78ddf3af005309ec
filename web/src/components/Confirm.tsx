import { Button, ModalBody, ModalFooter, ModalHeader, type ButtonProps } from '@patternfly/react-core';
import { useId, useState, type ReactNode } from 'react';
import { Dialog } from './Dialog';
import { Problem } from './Problem';
import { useAttempt } from './useAttempt';

interface ConfirmProps {
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
  const id = useId();
  const { busy, error, attempt } = useAttempt();
  const go = () =>
    attempt(async () => {
      await onConfirm();
      onClose();
    });
  return (
    <Dialog variant="small" onClose={onClose} busy={busy} aria-labelledby={`${id}-title`} aria-describedby={`${id}-text`}>
      <ModalHeader title={title} labelId={`${id}-title`} {...(danger ? { titleIconVariant: 'warning' as const } : {})} />
      <ModalBody id={`${id}-text`}>
        {children}
        {error !== undefined && <Problem error={error} />}
      </ModalBody>
      <ModalFooter>
        <Button variant={danger ? 'danger' : 'primary'} isLoading={busy} isDisabled={busy} onClick={() => void go()}>
          {action}
        </Button>
        <Button variant="link" isDisabled={busy} onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
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
