import './changes.css';
import { Card, CardBody, CardTitle, EmptyState, EmptyStateBody, Skeleton, Title } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useChange } from '../../app/change';
import { quote, type Commands } from '../../components/CopyAs';
import { DryRun } from '../../components/DryRun';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { useUrlState } from '../../components/useUrlState';
import { Differences } from './Differences';
import { Document } from './Document';
import { Findings } from './Findings';
import { History } from './History';
import { Nodes, useCluster } from './Nodes';
import { Revision } from './Revision';
import { Standing } from './Standing';

const Section = ({ title, children }: { title: string; children: ReactNode }) => (
  <Card component="section" aria-label={title}>
    <CardTitle>
      <Title headingLevel="h2" size="lg">
        {title}
      </Title>
    </CardTitle>
    <CardBody>{children}</CardBody>
  </Card>
);

/** Review is what is pending, looked at in three ways before it is applied. */
function Review({ as, onAs }: { as: string; onAs: (as: string) => void }) {
  const { change } = useChange();
  if (change === undefined) return null;
  // What is live for a while is no difference from what decides: it is one from the revision before.
  if (change.window !== undefined) return <Revision number={change.window.revision} />;
  if (change.pending === undefined) {
    return (
      <div className="fcr-stack">
        <EmptyState titleText="Nothing is pending" headingLevel="h2" variant="sm">
          <EmptyStateBody>
            Edit <Link href="/policies">policies</Link>, <Link href="/services">services</Link> or <Link href="/aliases">aliases</Link>, or the <Link href="/changes?tab=document">document</Link>. What you
            edit is here then, to look at and to apply.
          </EmptyStateBody>
        </EmptyState>
        <Section title="Findings in what decides">
          <Findings />
        </Section>
      </div>
    );
  }
  return (
    <div className="fcr-stack">
      <Section title="What changes">
        <Differences as={as} onAs={onAs} />
      </Section>
      <Section title="Findings">
        <Findings />
      </Section>
      <Section title="Whose verdict changes">
        <DryRun />
      </Section>
    </div>
  );
}

const commands: Record<string, Commands> = {
  pending: { path: '/api/v1/change', fcrctl: 'change get' },
  history: { path: '/api/v1/change/history', fcrctl: 'change list-revisions' },
  document: { path: '/api/v1/change/document?form=yaml', fcrctl: 'change document --form yaml' },
  nodes: { path: '/api/v1/cluster', fcrctl: 'cluster get' },
};

function commandsOf(tab: string, revision: string): Commands {
  if (tab === 'history' && revision !== '') return { path: `/api/v1/change/history/${encodeURIComponent(revision)}`, fcrctl: `change revision ${quote(revision)}` };
  return commands[tab] ?? { path: '/api/v1/change' };
}

/** The page of change control: what is pending, what follows from it, the way to the data plane and back, and what was. */
export default function Changes() {
  const [view, setView] = useUrlState({ tab: 'pending', as: 'objects', revision: '', on: 'pending', line: '' });
  const { change, secondsLeft } = useChange();
  const cluster = useCluster();
  const elsewhere = cluster.data?.members.flatMap((m) => (m.self || m.lock === undefined ? [] : [m.lock])) ?? [];
  const on = view.on === 'active' ? 'active' : 'pending';
  return (
    <Page
      title="Changes"
      text="Edits are pending until they are applied; what is applied reverts by itself unless it is confirmed."
      commands={commandsOf(view.tab, view.revision)}
    >
      <div className="fcr-stack">
        {change === undefined ? <Skeleton screenreaderText="Reading the state of change control" height="6rem" /> : <Standing change={change} secondsLeft={secondsLeft} elsewhere={elsewhere} />}
        <PageTabs
          label="Parts of change control"
          shown={view.tab}
          onShow={(tab) => setView({ tab, line: '' }, true)}
          tabs={[
            { id: 'pending', title: 'Pending', render: () => <Review as={view.as} onAs={(as) => setView({ as })} /> },
            { id: 'history', title: 'History', render: () => <History open={view.revision} onOpen={(revision) => setView({ revision }, revision !== '')} /> },
            { id: 'document', title: 'Document', render: () => <Document on={on} onOn={(v) => setView({ on: v })} line={Number(view.line) || 0} /> },
            { id: 'nodes', title: 'Nodes', render: () => <Nodes /> },
          ]}
        />
      </div>
    </Page>
  );
}
