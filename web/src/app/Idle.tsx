import { Button, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useCallback, useEffect, useRef, useState } from 'react';
import { Dialog } from '../components/Dialog';
import { IdleClock, idleMinutes, tabs, warnMs } from './IdleClock';

const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

/** useIdle is how long there is left, in milliseconds, once it is time to ask; undefined while somebody is there. */
function useIdle(onOver: () => void): [left: number | undefined, stay: () => void] {
  const clock = useRef<IdleClock>(undefined);
  const asking = useRef(false);
  const over = useRef(onOver);
  over.current = onOver;
  const [left, setLeft] = useState<number>();

  const look = useCallback(() => {
    const rest = clock.current?.left() ?? Infinity;
    asking.current = rest <= warnMs;
    setLeft(asking.current ? rest : undefined);
    if (rest === 0) over.current();
  }, []);

  useEffect(() => {
    const mine = new IdleClock(tabs);
    clock.current = mine;
    // While the dialog asks, an elbow on the table is no answer.
    const touch = () => {
      if (!asking.current) mine.touch();
    };
    const options = { capture: true, passive: true };
    signs.forEach((sign) => addEventListener(sign, touch, options));
    const tick = setInterval(look, 1000);
    return () => {
      clearInterval(tick);
      signs.forEach((sign) => removeEventListener(sign, touch, options));
    };
  }, [look]);

  const stay = useCallback(() => {
    clock.current?.touch();
    look();
  }, [look]);
  return [left, stay];
}

/** Idle signs out who is not there any more, and asks for a minute before. quiet: another dialog asks for the password already. */
export default function Idle({ onOver, quiet }: { onOver: () => void; quiet: boolean }) {
  const [left, stay] = useIdle(onOver);
  if (left === undefined || quiet) return null;
  const seconds = Math.ceil(left / 1000);
  return (
    <Dialog variant="small" onClose={stay} aria-labelledby="idle-title" aria-describedby="idle-text">
      <ModalHeader title="Are you still there?" labelId="idle-title" titleIconVariant="warning" />
      <ModalBody id="idle-text">
        Nothing was typed or pointed at for {idleMinutes - warnMs / 60_000} minutes. You are signed out in{' '}
        <strong className="fcr-number" role="timer">
          {seconds} s
        </strong>
        ; what was not saved is lost then. The appliance goes on as it is.
      </ModalBody>
      <ModalFooter>
        <Button onClick={stay}>Stay signed in</Button>
        <Button variant="link" onClick={onOver}>
          Sign out
        </Button>
      </ModalFooter>
    </Dialog>
  );
}
