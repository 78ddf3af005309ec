import { Banner, Button, Flex, FlexItem } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { ago, duration } from '../components/format';
import { stream, useClockOffset, useNow, useSampleProblem, useStreamStatus } from '../live';
import { useChange, WindowActions } from './change';

const Line = ({ status, children, action }: { status: 'info' | 'warning' | 'danger'; children: ReactNode; action?: ReactNode }) => (
  <Banner status={status} screenReaderText={`${status}:`}>
    <Flex justifyContent={{ default: 'justifyContentCenter' }} alignItems={{ default: 'alignItemsCenter' }} gap={{ default: 'gapMd' }}>
      <FlexItem>{children}</FlexItem>
      {action !== undefined && <FlexItem>{action}</FlexItem>}
    </Flex>
  </Banner>
);

/** Stale says since when what is shown is not of now: that it is so once to a screen reader, and for how long only to who looks. */
function Stale() {
  const { state, since, tries } = useStreamStatus();
  useNow();
  const away = Date.now() - since;
  const stale = state !== 'live' && state !== 'paused' && (state !== 'connecting' || tries > 0) && away >= 1500;
  return (
    <>
      <span className="pf-v6-screen-reader" role="status">
        {stale ? 'What is shown may be old' : ''}
      </span>
      {stale && (
        <Line
          status="warning"
          action={
            <Button variant="link" isInline onClick={() => stream.reconnect()}>
              Try now
            </Button>
          }
        >
          Live data stopped {ago(away)}; what is shown may be old. The console reconnects by itself.
        </Line>
      )}
    </>
  );
}

/** Countdown is on every page while a change waits for its confirmation. */
function Countdown() {
  const { change, secondsLeft } = useChange();
  const window = change?.window;
  if (window === undefined || change?.phase !== 'window') return null;
  return (
    <Line status="warning" action={<WindowActions revision={window.revision} />}>
      <Link href="/changes">Revision {window.revision}</Link> of {window.by} is live and reverts by itself in{' '}
      <strong className="fcr-number" role="timer" aria-label={`${secondsLeft} seconds left to confirm`}>
        {duration(secondsLeft)}
      </strong>
      .
    </Line>
  );
}

function Pending() {
  const { change } = useChange();
  const [path] = useLocation();
  const pending = change?.pending;
  if (pending === undefined || pending.edits === 0 || change?.phase !== 'idle') return null;
  const edits = pending.edits === 1 ? '1 edit' : `${pending.edits} edits`;
  return (
    <Line status="info">
      {edits} not applied yet, by {pending.by}. {path === '/changes' ? null : <Link href="/changes">Review and apply</Link>}
    </Line>
  );
}

function Drift() {
  const { change } = useChange();
  if (change?.drift === undefined) return null;
  return (
    <Line status="danger">
      The data plane runs another configuration than the one that was confirmed. <Link href="/changes">See which</Link>
    </Line>
  );
}

function DataplaneAway() {
  const problem = useSampleProblem();
  const { state } = useStreamStatus();
  if (problem === undefined || state !== 'live') return null;
  return (
    <Line status="danger">
      The management daemon cannot see the data plane: {problem.title}. <Link href="/system">System</Link>
    </Line>
  );
}

/** What is nearer is not worth a line. */
const clockMs = 30_000;

function WrongClock() {
  const offset = useClockOffset();
  if (Math.abs(offset) < clockMs) return null;
  const by = duration(Math.round(Math.abs(offset) / 1000));
  return (
    <Line status="info">
      The clock of this computer is {by} {offset < 0 ? 'ahead of' : 'behind'} the appliance’s. Times are shown by the appliance’s clock.
    </Line>
  );
}

/** Banners are what every page must say first. */
export const Banners = () => (
  <>
    <Stale />
    <DataplaneAway />
    <Drift />
    <Countdown />
    <Pending />
    <WrongClock />
  </>
);
