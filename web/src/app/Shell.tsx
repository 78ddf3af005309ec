import { Bullseye, EmptyState, EmptyStateBody, Page, SkipToContent, Spinner } from '@patternfly/react-core';
import { Suspense, useEffect, useMemo, useRef } from 'react';
import { Link, Route as Match, Switch, useLocation } from 'wouter';
import { ErrorBoundary } from '../components/ErrorBoundary';
import { Banners } from './Banners';
import { Help } from './Help';
import { useKeyboard, useSingleKeys } from './keyboard';
import { Masthead } from './Masthead';
import { Sidebar } from './Sidebar';
import { SignInAgain } from './SignInAgain';
import { account, routes } from './routes';
import { useFollowChange } from './change';
import { useSession } from './session';

const Loading = () => (
  <Bullseye>
    <Spinner aria-label="The page is loading" />
  </Bullseye>
);

const Nowhere = () => (
  <EmptyState titleText="There is no such page" headingLevel="h1">
    <EmptyStateBody>
      The address may have been typed wrongly. <Link href="/">The dashboard</Link> shows how the appliance is.
    </EmptyStateBody>
  </EmptyState>
);

/** Shell is what stands around each page: masthead, navigation, banners, and the keyboard. */
export default function Shell({ lost, onSignedIn }: { lost: boolean; onSignedIn: () => void }) {
  const session = useSession();
  const [address] = useLocation();
  const path = address === '/' ? address : address.replace(/\/+$/, '');
  const offered = useMemo(() => [...routes.filter((r) => r.needs === undefined || session.can(r.needs)), account], [session]);
  const keys = useSingleKeys();
  const keyboard = useKeyboard(offered, keys[0]);
  useFollowChange();
  const title = offered.find((r) => r.path === path)?.title ?? 'No such page';
  const main = useRef<HTMLDivElement>(null);
  const first = useRef(true);

  useEffect(() => {
    document.title = `${title} · FC-Redirect`;
    // Who reads with a screen reader hears the new page; who has just come keeps the browser's place.
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [title, path]);

  return (
    <Page
      masthead={<Masthead onHelp={keyboard.openHelp} />}
      sidebar={<Sidebar routes={offered} />}
      skipToContent={<SkipToContent href="#main">Skip to the content</SkipToContent>}
      mainContainerId="main"
      isManagedSidebar
      isContentFilled
      banner={<Banners />}
    >
      <div ref={main} tabIndex={-1} className="fcr-main">
        <ErrorBoundary key={path}>
          <Suspense fallback={<Loading />}>
            <Switch>
              {offered.map(({ path: at, Page: Body }) => (
                <Match key={at} path={at}>
                  <Body />
                </Match>
              ))}
              <Match>
                <Nowhere />
              </Match>
            </Switch>
          </Suspense>
        </ErrorBoundary>
      </div>
      {keyboard.helpOpen && <Help onClose={keyboard.closeHelp} routes={offered} keys={keys} />}
      {lost && <SignInAgain onSignedIn={onSignedIn} />}
    </Page>
  );
}
