import { Alert, Button, Card, CardBody, Content, Flex, Title } from '@patternfly/react-core';
import { useState } from 'react';
import { api, type Schema } from '../../api/client';
import { WindowActions } from '../../app/change';
import { useSession } from '../../app/session';
import { ConfirmButton } from '../../components/Confirm';
import { duration, plural } from '../../components/format';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';
import { Apply } from './Apply';
import { outcomes, sentenceOf, stepsOf, type Steps } from './steps';
import { useStep } from './useStep';

type Change = Schema['Change'];

/** Countdown is what is live for a while, and how long still. */
export function Countdown({ window, secondsLeft }: { window: NonNullable<Change['window']>; secondsLeft: number }) {
  return (
    <div className="fcr-changes-clock">
      <div className="fcr-changes-left" role="timer" aria-label={`${secondsLeft} seconds left to confirm`}>
        {duration(secondsLeft)}
      </div>
      <div className="fcr-changes-words">
        <Title headingLevel="h2" size="lg">
          Revision {window.revision} is live and waits to be confirmed
        </Title>
        <Content component="p">
          <Name name={window.by} /> applied it. Look whether hosts still reach their storage. If nobody confirms, it reverts by itself, even if this page, the daemon or the appliance dies meanwhile; what
          was pending is pending again then.
        </Content>
        <WindowActions revision={window.revision} />
      </div>
    </div>
  );
}

function Words({ change, me }: { change: Change; me: string }) {
  const { pending, lock, last } = change;
  return (
    <>
      {pending !== undefined && (
        <div>
          <Name name={pending.by} /> began <Time at={pending.since} />, on revision {pending.base.revision}; edited last <Time at={pending.changed} relative />.
        </div>
      )}
      {lock !== undefined && (
        <div>
          {lock.owner === me ? 'You have the lock' : <>Locked by <Name name={lock.owner} /></>} since <Time at={lock.since} />
          {lock.taken_from === undefined ? '' : <>, taken over from <Name name={lock.taken_from} /></>}.{' '}
          {lock.owner === me ? 'Nobody else can edit until you apply, discard or give it back.' : 'Nobody else can edit meanwhile.'}
        </div>
      )}
      {pending === undefined && lock === undefined && change.phase === 'idle' && <div>Whoever edits first gets the lock. Edits are made on the pages of policies, services and aliases, or in the document here.</div>}
      {last !== undefined && change.phase === 'idle' && (
        <div className="fcr-subtle">
          Last: revision {last.revision} {outcomes[last.what].text}
          {last.by === undefined || last.by === '' ? '' : <> by <Name name={last.by} /></>}, <Time at={last.at} relative />.{last.why === undefined || last.why === '' ? '' : ` ${last.why}.`}
        </div>
      )}
      {!change.dataplane && <div>The data plane does not answer: what decides is what was known last.</div>}
    </>
  );
}

function Buttons({ change, steps, onApply }: { change: Change; steps: Steps; onApply: () => void }) {
  const { asked, told } = useStep();
  const edits = plural(change.pending?.edits ?? 0, 'edit');
  const owner = change.lock?.owner ?? '';
  return (
    <Flex gap={{ default: 'gapSm' }}>
      {steps.apply && <Button onClick={onApply}>Apply…</Button>}
      {steps.rebase && <Button onClick={() => void told(() => api.POST('/api/v1/change/rebase'), 'What is pending stands on what decides now')}>Bring it to what decides now</Button>}
      {steps.takeOver && (
        <ConfirmButton
          label="Take over…"
          variant="secondary"
          confirm={{
            title: `Take the lock from ${owner}?`,
            action: `Take over from ${owner}`,
            children: `${owner} cannot edit or apply any more until you give the lock back. ${change.pending === undefined ? 'Nothing is pending.' : `What is pending (${edits}) stays as it is and is yours to apply or discard.`} Talk to ${owner} first, if you can.`,
            onConfirm: () => asked(() => api.POST('/api/v1/change/takeover'), `You have the lock; ${owner} had it`),
          }}
        />
      )}
      {steps.unlock && (
        <Button variant="secondary" onClick={() => void told(() => api.POST('/api/v1/change/unlock'), 'The lock is free')}>
          Give the lock back
        </Button>
      )}
      {steps.discard && (
        <ConfirmButton
          label="Discard…"
          variant="secondary"
          isDanger
          confirm={{
            title: `Discard ${edits}?`,
            action: `Discard ${edits}`,
            children: `What is pending is forgotten and cannot be brought back. What decides now, revision ${change.active.revision}, is not touched. The lock is free then.`,
            onConfirm: () => asked(() => api.POST('/api/v1/change/discard'), 'What was pending is discarded'),
          }}
        />
      )}
    </Flex>
  );
}

function Drift({ change, offered }: { change: Change; offered: boolean }) {
  const { asked } = useStep();
  const drift = change.drift;
  if (drift === undefined) return null;
  const running = drift.running.document === '' ? 'a configuration whose text is not known' : drift.running.revision === 0 ? 'no configuration at all' : `revision ${drift.running.revision}`;
  return (
    <Alert isInline variant="danger" title="The data plane runs another configuration than the one that was confirmed">
      <p>
        Since <Time at={drift.since} /> it runs {running}; confirmed is revision {drift.expected.revision}. It may have come back from a cold start, or somebody applied a policy past change control.
      </p>
      {offered && (
        <Flex gap={{ default: 'gapSm' }} className="fcr-space">
          <ConfirmButton
            label={`Apply revision ${drift.expected.revision} again…`}
            size="sm"
            confirm={{
              title: `Apply revision ${drift.expected.revision} again?`,
              action: 'Apply again',
              danger: false,
              children: 'It goes live now on all nodes, and reverts by itself in 60 s unless you confirm.',
              onConfirm: () => asked(() => api.POST('/api/v1/change/reapply', { body: { window_s: 60 } }), `Revision ${drift.expected.revision} is live again`),
            }}
          />
          <ConfirmButton
            label="Keep what runs…"
            size="sm"
            variant="secondary"
            confirm={{
              title: 'Keep what runs now?',
              action: 'Keep what runs',
              children: `What the data plane runs, ${running}, counts as confirmed from now on and is what a reboot finds. Revision ${drift.expected.revision} stays in the history.`,
              onConfirm: () => asked(() => api.POST('/api/v1/change/accept'), 'What runs is what is confirmed'),
            }}
          />
        </Flex>
      )}
    </Alert>
  );
}

/** Standing is where change control stands, and what can be done about it. */
export function Standing({ change, secondsLeft, elsewhere }: { change: Change; secondsLeft: number; elsewhere: readonly Schema['Editor'][] }) {
  const { me, can } = useSession();
  const [applying, setApplying] = useState(false);
  const steps = stepsOf(change, me.name, can);
  return (
    <div className="fcr-stack">
      <Drift change={change} offered={steps.settleDrift} />
      <Card component="section" aria-label="State of change control">
        <CardBody>
          {change.phase === 'window' && change.window !== undefined ? (
            <Countdown window={change.window} secondsLeft={secondsLeft} />
          ) : (
            <div className="fcr-changes-head">
              <div>
                <Title headingLevel="h2" size="lg">
                  {sentenceOf(change)}
                </Title>
                <Words change={change} me={me.name} />
              </div>
              <Buttons change={change} steps={steps} onApply={() => setApplying(true)} />
            </div>
          )}
        </CardBody>
      </Card>
      {change.pending?.outdated === true && (
        <Alert isInline variant="warning" title={`Revision ${change.active.revision} decides by now, and what is pending was made on revision ${change.pending.base.revision}`}>
          Applied as it is, it would take back what came in between. Brought to what decides now, single edits are made again on that, and one that contradicts it is named; a document that was put as a whole
          stays what it is. Its difference shows what it takes back then.
        </Alert>
      )}
      {elsewhere.map((e) => (
        <Alert key={e.node} isInline variant="warning" title={`${e.owner} edits on node ${e.node}`}>
          Since <Time at={e.since} />. Nodes have one configuration: until that is applied or discarded there, nothing can be edited here. A lock is taken over on the node where it is.
        </Alert>
      ))}
      {applying && <Apply change={change} onClose={() => setApplying(false)} />}
    </div>
  );
}
