import {
  Button,
  DescriptionList,
  DrawerActions,
  DrawerCloseButton,
  DrawerHead,
  DrawerPanelBody,
  DrawerPanelContent,
  Skeleton,
  Title,
} from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { api, query } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useCan } from '../../app/session';
import { ConfirmButton } from '../../components/Confirm';
import { Fact } from '../../components/Facts';
import { bitRate, bytes, count, perSecond } from '../../components/format';
import { Problem } from '../../components/Problem';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';
import { Name } from '../../components/Wwn';
import { StateLabel, VerdictLabel } from './columns';
import { History } from './History';
import type { Flow } from './order';
import { captureLink, endName, nameLink, pathOf, policyLink } from './path';
import { Why } from './Why';

const Section = ({ title, children }: { title: string; children: ReactNode }) => (
  <section className="fcr-space">
    <Title headingLevel="h3" size="md">
      {title}
    </Title>
    {children}
  </section>
);

function End({ alias, wwpn, id, port }: { alias?: string; wwpn?: string; id?: string; port?: string }) {
  const mayName = useCan('alias.write');
  return (
    <>
      {alias === undefined ? null : (
        <div>
          <Name name={alias} />
        </div>
      )}
      <div className="fcr-mono">{wwpn ?? 'WWPN not known yet'}</div>
      <div className="fcr-subtle">
        FC_ID <span className="fcr-mono">{id ?? '–'}</span>, {port === undefined ? 'port not known yet' : `port ${port}`}
      </div>
      {alias === undefined && wwpn !== undefined && mayName && <Link href={nameLink(wwpn)}>Give it a name</Link>}
    </>
  );
}

const Path = ({ flow }: { flow: Flow }) => (
  <ol className="fcr-flow-path" aria-label="The way of its frames">
    {pathOf(flow).map((s, i) => (
      <li key={i}>
        <span className={s.off === true ? 'fcr-flow-stop fcr-flow-stop-off' : 'fcr-flow-stop'}>
          <Name name={s.name} />
          <small>{s.text}</small>
        </span>
      </li>
    ))}
  </ol>
);

const Counters = ({ flow: f }: { flow: Flow }) => (
  <table className="fcr-flow-counters" aria-label="Counters">
    <thead>
      <tr>
        <th scope="col">Direction</th>
        <th scope="col">Frames</th>
        <th scope="col">Bytes</th>
      </tr>
    </thead>
    <tbody>
      <tr>
        <th scope="row">To the target (writes)</th>
        <td>{count(f.frames_to_target)}</td>
        <td title={count(f.bytes_to_target)}>{bytes(f.bytes_to_target)}</td>
      </tr>
      <tr>
        <th scope="row">To the initiator (reads)</th>
        <td>{count(f.frames_to_initiator)}</td>
        <td title={count(f.bytes_to_initiator)}>{bytes(f.bytes_to_initiator)}</td>
      </tr>
    </tbody>
  </table>
);

function Actions({ flow, onGone }: { flow: Flow; onGone: () => void }) {
  const [, go] = useLocation();
  const toast = useToast();
  const may = { policy: useCan('policy.write'), capture: useCan('capture.start'), remove: useCan('flow.write') };
  const ends = `${endName(flow.initiator_alias, flow.initiator) ?? 'unknown'} to ${endName(flow.target_alias, flow.target) ?? 'unknown'}`;
  const remove = async () => {
    await api.DELETE('/api/v1/flows/{id}', { params: { path: { id: flow.id } } });
    toast({ title: `The flow ${ends} has ended`, variant: 'success' });
    onGone();
  };
  return (
    <div className="fcr-flow-actions">
      {may.policy && (
        <Button size="sm" onClick={() => go(policyLink(flow))}>
          Make a policy from this
        </Button>
      )}
      {may.capture && (
        <Button size="sm" variant="secondary" onClick={() => go(captureLink(flow))}>
          Capture this flow
        </Button>
      )}
      {may.remove && (
        <ConfirmButton
          size="sm"
          variant="link"
          isDanger
          label="End this flow"
          confirm={{
            title: `End the flow ${ends}?`,
            action: 'End the flow',
            children: (
              <p>
                Its counters are forgotten{flow.static ? ', and it is not kept ahead any more' : ''}. Nothing is blocked by this: its next frame makes the flow anew. What must not flow is for a
                policy to drop.
              </p>
            ),
            onConfirm: remove,
          }}
        />
      )}
    </div>
  );
}

function Facts({ flow }: { flow: Flow }) {
  return (
    <DescriptionList isCompact columnModifier={{ default: '2Col' }} aria-label="The flow">
      <Fact term="Initiator">
        <End alias={flow.initiator_alias} wwpn={flow.initiator} id={flow.initiator_id} port={flow.port} />
      </Fact>
      <Fact term="Target">
        <End alias={flow.target_alias} wwpn={flow.target} id={flow.target_id} port={flow.target_port} />
      </Fact>
      <Fact term="State">
        <StateLabel flow={flow} />
      </Fact>
      <Fact term="Now">
        {bitRate(flow.bytes_per_second)}, {perSecond(flow.frames_per_second).replace('/s', ' frames/s')}
      </Fact>
      <Fact term="VSAN, fabric">
        {flow.vsan === 0 ? 'untagged' : flow.vsan}, {flow.fabric}
      </Fact>
      <Fact term="Errors">{count(flow.errors)}</Fact>
      <Fact term="Began">
        <Time at={flow.created} />
      </Fact>
      <Fact term="Last seen">
        <Time at={flow.last_seen} relative />
      </Fact>
    </DescriptionList>
  );
}

/** The flow is asked for so often while the page is live; while it is paused nothing moves here either. */
const againMs = 2_000;

/** FlowDrawer is all about one flow. A flow that has ended is still shown as it was last, with its history. */
export function FlowDrawer({ id, live, onClose }: { id: string; live: boolean; onClose: () => void }) {
  const { data, error, refetch } = query.useQuery('get', '/api/v1/flows/{id}', { params: { path: { id } } }, { refetchInterval: live ? againMs : false, staleTime: againMs, retry: false });
  const ended = error !== null && asProblem(error).status === 404;
  const title = data === undefined ? 'Flow' : `${endName(data.initiator_alias, data.initiator) ?? 'unknown'} → ${endName(data.target_alias, data.target) ?? 'unknown'}`;
  return (
    <DrawerPanelContent isResizable defaultSize="32rem" minSize="22rem" resizeAriaLabel="Width of the drawer" onKeyDown={(e) => e.key === 'Escape' && onClose()}>
      <DrawerHead>
        <Title headingLevel="h2" size="lg">
          <Name name={title} />
        </Title>
        <DrawerActions>
          <DrawerCloseButton onClose={onClose} aria-label="Close the flow" />
        </DrawerActions>
      </DrawerHead>
      <DrawerPanelBody>
        {ended && (
          <p role="status">
            This flow is not there now: it has ended, or its ports have logged in under other names. {data === undefined ? 'Its history is kept.' : 'Below is how it was last.'}
          </p>
        )}
        {error !== null && !ended && <Problem error={error} again={() => void refetch()} />}
        {data === undefined && error === null && <Skeleton height="12rem" screenreaderText="Loading the flow" />}
        {data !== undefined && (
          <>
            {!ended && <Actions flow={data} onGone={onClose} />}
            <Section title="Path">
              <Path flow={data} />
            </Section>
            <Section title="Verdict">
              <VerdictLabel flow={data} /> <Why flow={data} />
            </Section>
            <Section title="Facts">
              <Facts flow={data} />
            </Section>
            <Section title="Counters">
              <Counters flow={data} />
            </Section>
          </>
        )}
        <div className="fcr-space">
          <History id={id} live={live && !ended} />
        </div>
      </DrawerPanelBody>
    </DrawerPanelContent>
  );
}
