import { DescriptionList } from '@patternfly/react-core';
import type { Schema } from '../../api/client';
import { Fact } from '../../components/Facts';
import { MatchChips } from '../../components/MatchChips';
import type { On } from '../../components/usePending';
import { Name } from '../../components/Wwn';
import { Preview } from './Preview';
import { actionText } from './view';

type Policy = Schema['PolicyItem'];

const failure = { bypass: 'Bypass: its flows take the direct way', block: 'Block: their frames are dropped' };

/** Detail is a policy as it is, for whom it is not offered to change it. */
export function Detail({ policy, on }: { policy: Policy; on: On }) {
  const pair = { initiator: policy.match.initiator?.[0] ?? '', target: policy.match.target?.[0] ?? '', vsan: '' };
  return (
    <div className="fcr-edit">
      <DescriptionList isHorizontal isCompact>
        <Fact term="Match">
          <MatchChips match={policy.match} on={on} />
        </Fact>
        <Fact term="Action">{actionText(policy)}</Fact>
        {policy.service === undefined || policy.service === '' ? null : (
          <Fact term="Service">
            <Name name={policy.service} />
          </Fact>
        )}
        {policy.action === 'redirect' ? <Fact term="While the service is down">{policy.on_failure === undefined ? 'As the service says' : failure[policy.on_failure]}</Fact> : null}
        <Fact term="State">{policy.disabled === true ? 'Disabled: it is kept and checked, and never matches' : 'Enabled'}</Fact>
        <Fact term="Place">{policy.position ?? '–'}</Fact>
        <Fact term="Note">{policy.note === undefined || policy.note === '' ? '–' : <bdi className="fcr-prose">{policy.note}</bdi>}</Fact>
        <Fact term="Ticket">{policy.ticket === undefined || policy.ticket === '' ? '–' : <Name name={policy.ticket} />}</Fact>
      </DescriptionList>
      <Preview start={pair} name={policy.name ?? ''} on={on} unsaved={false} />
    </div>
  );
}
