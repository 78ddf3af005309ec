import { Card, CardBody, CardTitle, Title } from '@patternfly/react-core';
import { useEffect } from 'react';
import { Logo } from '../../components/Logo';
import SignInForm from './SignInForm';

/** The page that whoever is not signed in meets. The address stays that of the page which was asked for. */
export default function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  useEffect(() => {
    document.title = 'Sign in · FC-Redirect';
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
        <CardBody>
          <SignInForm onSignedIn={onSignedIn} />
        </CardBody>
      </Card>
    </main>
  );
}
