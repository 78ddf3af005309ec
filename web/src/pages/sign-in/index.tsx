import { Alert, Card, CardBody, CardTitle, Title } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { idleMinutes } from '../../app/IdleClock';
import { leftIdle } from '../../app/session';
import { Logo } from '../../components/Logo';
import SignInForm from './SignInForm';

/** The page that whoever is not signed in meets. The address stays that of the page which was asked for. */
export default function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · FC-Redirect';
    if (leftIdle()) setIdle(true);
  }, []);
  return (
    <main className="fcr-door">
      <Card className="fcr-door-card" isLarge>
        <CardTitle>
          <Logo />
          <Title headingLevel="h1" size="xl" className="fcr-space">
            Sign in
          </Title>
        </CardTitle>
        <CardBody className="fcr-stack">
          {idle && (
            <Alert isInline variant="info" title="You were signed out">
              Nobody was there for {idleMinutes} minutes. After signing in you are back at the same page.
            </Alert>
          )}
          <SignInForm onSignedIn={onSignedIn} />
        </CardBody>
      </Card>
    </main>
  );
}
