import { DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import type { Schema } from '../../api/client';
import { MatchChips } from '../../components/MatchChips';
import type { On } from '../../components/usePending';
import { Name } from '../../components/Wwn';
import { Preview } from './Preview';
import { actionText } from './view';

type Policy = Schema['PolicyItem'];

const Row = ({ term, children }: { term: string; children: ReactNode }) => (
  <DescriptionListGroup>
    <DescriptionListTerm>{term}</DescriptionListTerm>
    <DescriptionListDescription>{children}</DescriptionListDescription>
  </DescriptionListGroup>
);

const failure = { bypass: 'Bypass: its flows take the direct way', block: 'Block: their frames are dropped' };

/** Detail is a policy as it is, for whom it is not offered to change it. */
export function Detail({ policy, on }: { policy: Policy; on: On }) {
  const pair = { initiator: policy.match.initiator?.[0] ?? '', target: policy.match.target?.[0] ?? '', vsan: '' };
  return (
    <div className="fcr-edit">
      <DescriptionList isHorizontal isCompact>
        <Row term="Match">
          <MatchChips match={policy.match} on={on} />
        </Row>
        <Row term="Action">{actionText(policy)}</Row>
        {policy.service === undefined || policy.service === '' ? null : (
          <Row term="Service">
            <Name name={policy.service} />
          </Row>
        )}
        {policy.action === 'redirect' ? <Row term="While the service is down">{policy.on_failure === undefined ? 'As the service says' : failure[policy.on_failure]}</Row> : null}
        <Row term="State">{policy.disabled === true ? 'Disabled: it is kept and checked, and never matches' : 'Enabled'}</Row>
        <Row term="Place">{policy.position ?? '–'}</Row>
        <Row term="Note">{policy.note === undefined || policy.note === '' ? '–' : <bdi className="fcr-prose">{policy.note}</bdi>}</Row>
        <Row term="Ticket">{policy.ticket === undefined || policy.ticket === '' ? '–' : <Name name={policy.ticket} />}</Row>
      </DescriptionList>
      <Preview start={pair} name={policy.name ?? ''} on={on} unsaved={false} />
    </div>
  );
}
