import { Alert, Button, ClipboardCopy, Content, EmptyState, EmptyStateBody, Flex } from '@patternfly/react-core';
import { useMemo, useState } from 'react';
import { useCan } from '../../app/session';
import { api, query } from '../../api/client';
import { ConfirmButton } from '../../components/Confirm';
import { quote } from '../../components/CopyAs';
import { DataTable, type Column } from '../../components/DataTable';
import { bytes, count, micros, share } from '../../components/format';
import { Page } from '../../components/Page';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { useUrlState } from '../../components/useUrlState';
import { Name } from '../../components/Wwn';
import { Details } from './Details';
import { Handover } from './Handover';
import { differences, isSelf, lagOf, readiness, savingOf, stateOf, type Peer } from './words';

const columns: Column<Peer>[] = [
  { id: 'name', title: 'Node', render: (p) => <Name name={p.name} /> },
  { id: 'state', title: 'State', render: (p) => <State {...stateOf(p)} /> },
  { id: 'lag', title: 'Lag', render: lagOf, info: 'What this node changed and the other does not have yet' },
  { id: 'since', title: 'Connected', render: (p) => <Time at={p.since} relative /> },
  { id: 'rtt', title: 'Round trip', number: true, render: (p) => (isSelf(p) || p.state === 'away' ? '–' : micros(p.rtt_ms * 1000)) },
  { id: 'sent', title: 'Sent', number: true, render: (p) => bytes(p.sent.bytes) },
  { id: 'saved', title: 'Saved', number: true, render: (p) => share(savingOf(p.savings)), info: 'How much less was sent than each change by itself' },
  { id: 'policy', title: 'Policy', render: (p) => (p.state === 'away' ? '–' : `revision ${count(p.revision)}${p.same_policy ? '' : ', another one'}`) },
];

/** Alone says what a second node gives, and how to have one. */
const Alone = () => (
  <EmptyState titleText="This node stands alone" headingLevel="h2" variant="lg">
    <EmptyStateBody>
      <Content component="p">
        Two nodes keep logins, flows and counts of each other in step, have one configuration, and as an inline pair take over from each other. To join a second one, name the peers in the configuration files of
        both, then on this node:
      </Content>
      <ClipboardCopy isReadOnly isExpanded={false} hoverTip="Copy" clickTip="Copied" textAriaLabel="On this node: an authority and its own certificate">
        fcrctl peer init --cluster NAME
      </ClipboardCopy>
      <ClipboardCopy isReadOnly isExpanded={false} hoverTip="Copy" clickTip="Copied" textAriaLabel="On this node: a code for the other one" className="fcr-space">
        fcrctl peer invite OTHER-NODE
      </ClipboardCopy>
      <Content component="p" className="fcr-space">
        and on the other one, with the code that this shows:
      </Content>
      <ClipboardCopy isReadOnly isExpanded={false} hoverTip="Copy" clickTip="Copied" textAriaLabel="On the other node">
        fcrctl peer join CODE
      </ClipboardCopy>
    </EmptyStateBody>
  </EmptyState>
);

/** The nodes that keep each other in step, and the pair. */
export default function Peers() {
  const [{ peer: open }, set] = useUrlState({ peer: '' });
  const may = useCan('peer.write');
  const [handing, hand] = useState<string>();
  const list = query.useQuery('get', '/api/v1/peers', { params: { query: { limit: 100 } } }, { refetchInterval: 2_000 });
  const items = list.data?.items;
  const self = items?.find(isSelf);
  const shown = items?.find((p) => p.name === open);
  const partner = items?.find((p) => p.partner && !isSelf(p));
  const warnings = useMemo(() => (items ?? []).flatMap((p) => differences(p).map((text) => ({ name: p.name, text }))), [items]);
  const path = open === '' ? '/api/v1/peers' : `/api/v1/peers/${encodeURIComponent(open)}`;

  const actions = shown !== undefined && may && !isSelf(shown) && (
    <ConfirmButton
      label="Sync anew"
      variant="secondary"
      confirm={{
        title: `Sync everything with ${shown.name} anew`,
        action: 'Sync anew',
        danger: false,
        children: 'Everything goes to it and comes from it once more; nothing is missing meanwhile. It is never needed: what differs is found and repaired by itself.',
        onConfirm: () => api.POST('/api/v1/peers/{name}/sync', { params: { path: { name: shown.name } } }),
      }}
    />
  );

  return (
    <Page
      title="Peers"
      text={self?.pair === undefined ? 'The nodes that keep each other in step.' : readiness(self)}
      commands={{ path, fcrctl: open === '' ? 'peer list' : `peer show ${quote(open)}` }}
      actions={
        may && partner !== undefined && self?.pair !== undefined ? (
          <Button variant="secondary" onClick={() => hand(partner.name)}>
            Hand over…
          </Button>
        ) : undefined
      }
    >
      <div className="fcr-stack">
        {items === undefined && list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
        {self?.state === 'no_certificate' && (
          <Alert isInline variant="warning" title="This node has not joined its cluster">
            Its configuration names peers, but it has no certificate yet: <code>fcrctl peer invite {self.name}</code> on a node of the cluster shows a code, <code>fcrctl peer join CODE</code> here uses it.
          </Alert>
        )}
        {warnings.map((w) => (
          <Alert key={w.name + w.text} isInline variant="warning" title={w.name}>
            {w.text}
          </Alert>
        ))}
        {self?.state === 'alone' ? (
          <Alone />
        ) : (
          <DataTable
            label="Nodes"
            columns={columns}
            items={items}
            keyOf={(p) => p.name}
            error={list.error}
            again={() => void list.refetch()}
            openKey={open}
            onOpen={(p) => set({ peer: p.name === open ? '' : p.name }, true)}
            emptyTitle="There are no nodes"
            empty="The role peer does not run: System shows the roles."
          />
        )}
        {shown !== undefined && (
          <Flex>
            {shown.last_error === undefined ? null : <Alert isInline isPlain variant="warning" title={`The last failure of the connection: ${shown.last_error}`} />}
            {actions}
          </Flex>
        )}
        {shown !== undefined && <Details peer={shown} />}
      </div>
      {handing !== undefined && <Handover partner={handing} onClose={() => hand(undefined)} />}
    </Page>
  );
}
