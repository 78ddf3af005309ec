import { Bullseye, Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, Spinner } from '@patternfly/react-core';
import { lazy, Suspense } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { ErrorBoundary } from '../components/ErrorBoundary';
import { Toasts } from '../components/Toasts';
import { SessionProvider, type Gate } from './session';

const Shell = lazy(() => import('./Shell'));
const SignIn = lazy(() => import('../pages/sign-in'));
const FirstRun = lazy(() => import('../pages/first-run'));

/** Waiting is what stands there until there is something to show. */
export const Waiting = () => (
  <Bullseye className="fcr-whole">
    <Spinner aria-label="The console is loading" />
  </Bullseye>
);

function Door({ gate }: { gate: Gate }) {
  switch (gate.state) {
    case 'asking':
      return <Waiting />;
    case 'failed':
      return (
        <Bullseye className="fcr-whole">
          <EmptyState titleText={gate.problem.title} headingLevel="h1" status="danger">
            <EmptyStateBody>{gate.problem.detail}</EmptyStateBody>
            <EmptyStateFooter>
              <EmptyStateActions>
                <Button onClick={gate.again}>Try again</Button>
              </EmptyStateActions>
            </EmptyStateFooter>
          </EmptyState>
        </Bullseye>
      );
    case 'out':
      // The address stays what was asked for: after signing in that page is shown.
      return gate.installed ? <SignIn onSignedIn={gate.again} /> : <FirstRun onDone={gate.again} />;
    case 'in':
      return (
        <Switch>
          <Route path="/sign-in">
            <Redirect to="/" replace />
          </Route>
          <Route path="/first-run">
            <FirstRun onDone={gate.again} />
          </Route>
          <Route>
            <Shell lost={gate.lost} onSignedIn={gate.again} />
          </Route>
        </Switch>
      );
  }
}

/** App is the console: who is not signed in meets the door, everybody else the shell with a page in it. */
export function App() {
  return (
    <ErrorBoundary>
      <SessionProvider>
        {(gate) => (
          <Toasts>
            <Suspense fallback={<Waiting />}>
              <Door gate={gate} />
            </Suspense>
          </Toasts>
        )}
      </SessionProvider>
    </ErrorBoundary>
  );
}
