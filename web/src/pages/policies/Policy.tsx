import { Breadcrumb, BreadcrumbItem, Button, EmptyState, EmptyStateBody, Flex, FlexItem, Skeleton, Title } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { count, plural } from '../../components/format';
import { FramesChart } from '../../components/FramesChart';
import { Problem } from '../../components/Problem';
import { Time } from '../../components/Time';
import { useDifferences, type On } from '../../components/usePending';
import { Name } from '../../components/Wwn';
import { Detail } from './Detail';
import { Dialogs, type Asked } from './Dialogs';
import { Editor } from './Editor';
import { formFrom } from './form';
import { Marks } from './PolicyTable';
import { policyKey, usePolicy } from './useEditor';
import { usePolicyActions } from './usePolicyActions';
import type { View } from './view';

type Item = Schema['PolicyItem'];

/** Hits says what the policy of this name decides now. */
function Hits({ policy }: { policy: Item }) {
  const name = policy.name ?? '';
  if (policy.hits === undefined) return <p className="fcr-subtle">It is not in the active configuration, or the data plane does not run: it decides nothing now.</p>;
  return (
    <p>
      It decides <Link href={`/flows?policy=${encodeURIComponent(name)}`}>{plural(policy.hits.flows, 'flow')}</Link> now, with {count(policy.hits.frames)} frames since they began.
      {policy.hits.last_hit === undefined ? ' It was not seen to decide any since hits are watched.' : <> Last seen to decide one <Time at={policy.hits.last_hit} relative />.</>}
    </p>
  );
}

function Head({ policy, offered, onAsk }: { policy: Item; offered: boolean; onAsk: (a: Asked) => void }) {
  const differences = useDifferences('policy');
  const actions = usePolicyActions();
  return (
    <Flex gap={{ default: 'gapMd' }} alignItems={{ default: 'alignItemsCenter' }}>
      <FlexItem grow={{ default: 'grow' }}>
        <Title headingLevel="h2" size="xl">
          <Name name={policy.name ?? ''} />
        </Title>
        <span className="fcr-marks">
          <Marks p={policy} differences={differences} />
        </span>
      </FlexItem>
      {offered && (
        <Flex gap={{ default: 'gapSm' }}>
          <Button size="sm" variant="secondary" onClick={() => void actions.toggle(policy)}>
            {policy.disabled === true ? 'Enable' : 'Disable'}
          </Button>
          <Button size="sm" variant="secondary" onClick={() => onAsk({ what: 'clone', policy })}>
            Clone
          </Button>
          <Button size="sm" variant="secondary" onClick={() => onAsk({ what: 'rename', policy })}>
            Rename
          </Button>
          <Button size="sm" variant="secondary" isDanger onClick={() => onAsk({ what: 'delete', policy })}>
            Delete
          </Button>
        </Flex>
      )}
    </Flex>
  );
}

interface PolicyProps {
  view: View;
  set: (change: Partial<View>, push?: boolean) => void;
  on: On;
  offered: boolean;
}

/** Policy is one policy, or the form for a new one, over the whole width. */
export function Policy({ view, set, on, offered }: PolicyProps) {
  const fresh = view.policy === '';
  const one = usePolicy(view.policy, on);
  const actions = usePolicyActions();
  const [asked, ask] = useState<Asked>();
  const [saved, setSaved] = useState(false);
  const client = useQueryClient();
  const close = () => set({ policy: '', new: '', initiator: '', target: '', vsan: '' });
  const missing = one.error !== null && asProblem(one.error).status === 404;
  const onSaved = (p: Item) => {
    // Before the form takes it: what was read last is older.
    client.setQueryData(policyKey(p.name ?? ''), p);
    setSaved(true);
    if (fresh) set({ policy: p.name ?? '', new: '', initiator: '', target: '', vsan: '', on: 'pending' });
  };
  const policy = one.data;
  return (
    <div className="fcr-stack">
      <Breadcrumb>
        <BreadcrumbItem render={({ className }) => <Button variant="link" isInline className={className} onClick={close}>Policies</Button>} />
        <BreadcrumbItem isActive>{fresh ? 'New policy' : <Name name={view.policy} />}</BreadcrumbItem>
      </Breadcrumb>
      {fresh && !offered ? <p>A policy cannot be made now, or not by you.</p> : null}
      {fresh && offered ? <Editor key="new" start={formFrom(view)} now={undefined} gone={false} saved={false} onSaved={onSaved} onClose={close} /> : null}
      {!fresh && policy === undefined && missing ? (
        <EmptyState titleText={`There is no such policy in the ${on} configuration`} headingLevel="h2" variant="sm">
          <EmptyStateBody>{on === 'active' ? 'It may be pending only.' : 'It may have been deleted or renamed.'}</EmptyStateBody>
        </EmptyState>
      ) : null}
      {one.error !== null && !missing ? <Problem error={one.error} again={() => void one.refetch()} /> : null}
      {!fresh && one.isPending ? <Skeleton height="12rem" screenreaderText="Reading the policy" /> : null}
      {fresh || policy === undefined ? null : (
        <>
          <Head policy={policy} offered={offered && !missing} onAsk={ask} />
          <Hits policy={policy} />
          {offered ? (
            <Editor key={`edit ${policy.name}`} start={formFrom(view)} now={policy} gone={missing} saved={saved} onSaved={onSaved} onClose={close} />
          ) : (
            <Detail policy={policy} on={on} />
          )}
          {policy.hits === undefined ? null : <FramesChart of="policy" name={policy.name ?? ''} />}
        </>
      )}
      <Dialogs asked={asked} total={0} actions={actions} onClose={() => ask(undefined)} onGone={(now) => (now === '' ? close() : set({ policy: now }))} />
    </div>
  );
}
