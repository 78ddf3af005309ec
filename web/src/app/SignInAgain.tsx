import { Modal, ModalBody, ModalHeader } from '@patternfly/react-core';
import { lazy, Suspense } from 'react';
import { useSession } from './session';

const Form = lazy(() => import('../pages/sign-in/SignInForm'));

/** SignInAgain stands over the page when the session has ended: what was being typed stays where it is. */
export function SignInAgain({ onSignedIn }: { onSignedIn: () => void }) {
  const { me } = useSession();
  const done = (name: string) => {
    // Another account sees another console: begin from nothing.
    if (name !== me.name) location.reload();
    else onSignedIn();
  };
  return (
    <Modal variant="small" isOpen aria-labelledby="again-title" aria-describedby="again-text">
      <ModalHeader title="Your session has ended" labelId="again-title" description={<span id="again-text">Sign in again; this page stays as you left it.</span>} />
      <ModalBody>
        <Suspense fallback={null}>
          <Form name={me.name} onSignedIn={done} />
        </Suspense>
      </ModalBody>
    </Modal>
  );
}
