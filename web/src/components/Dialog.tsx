import { Modal, type ModalProps } from '@patternfly/react-core';
import { useEffect, useLayoutEffect, useRef } from 'react';

/** The dialogs that are open, the last one on top. Each is known by the id of its title. */
const open: string[] = [];

/**
 * uncover lets screen readers have the dialog on top and the messages, and nothing behind. PatternFly's modals each think that
 * they are alone: the last one that was drawn hides the others, and the first one that closes shows all.
 */
function uncover(): void {
  const top = open.at(-1);
  const dialog = top === undefined ? null : document.getElementById(top);
  for (const child of document.body.children) {
    const seen = top === undefined || child.contains(dialog) || child.querySelector('[role="list"][aria-live]') !== null;
    if (seen) child.removeAttribute('aria-hidden');
    else child.setAttribute('aria-hidden', 'true');
  }
}

export interface DialogProps extends Omit<ModalProps, 'ref' | 'isOpen' | 'onClose' | 'onEscapePress'> {
  'aria-labelledby': string;
  /** Without it the dialog cannot be closed: it asks for what is needed. */
  onClose?: () => void;
  /** Something is under way, and its end is waited for: nobody would hear of it otherwise. */
  busy?: boolean;
}

/** Dialog is a modal one, also over another: Escape is for the one on top alone. */
export function Dialog({ onClose, busy = false, ...modal }: DialogProps) {
  const id = modal['aria-labelledby'];
  const close = useRef<() => void>(undefined);
  close.current = busy ? undefined : onClose;
  useEffect(() => {
    open.push(id);
    uncover();
    return () => {
      const at = open.lastIndexOf(id);
      if (at >= 0) open.splice(at, 1);
      queueMicrotask(uncover);
    };
  }, [id]);
  useLayoutEffect(uncover);
  const escape = (e: KeyboardEvent) => {
    if (open.at(-1) === id && !e.defaultPrevented) close.current?.();
  };
  return <Modal {...modal} isOpen {...(onClose === undefined ? {} : { onClose: () => close.current?.() })} onEscapePress={escape} />;
}
