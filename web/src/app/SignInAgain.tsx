import { ModalBody, ModalHeader } from '@patternfly/react-core';
import { useState } from 'react';
import { Dialog } from '../components/Dialog';
// Not loaded when it is needed: the appliance may have another version by then, without this file.
import Form from '../pages/sign-in/SignInForm';
import { useSession } from './session';

/** SignInAgain stands over the page when the session has ended: what was being typed stays where it is. */
export function SignInAgain({ onSignedIn }: { onSignedIn: () => void }) {
  const { me } = useSession();
  // Whose page it is: if somebody else signs in in another tab, me becomes that one.
  const [name] = useState(me.name);
  const done = (who: string) => {
    // Another account sees another console: begin from nothing.
    if (who !== name) location.reload();
    else onSignedIn();
  };
  return (
    <Dialog variant="small" aria-labelledby="again-title" aria-describedby="again-text">
      <ModalHeader title="Your session has ended" labelId="again-title" description={<span id="again-text">Sign in again; this page stays as you left it.</span>} />
      <ModalBody>
        <Form name={name} onSignedIn={done} />
      </ModalBody>
    </Dialog>
  );
}
