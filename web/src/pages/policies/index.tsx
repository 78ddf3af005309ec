import './policies.css';
import { Button } from '@patternfly/react-core';
import PlusIcon from '@patternfly/react-icons/dist/esm/icons/plus-icon';
import { flags, quote, search, type Commands } from '../../components/CopyAs';
import { Page } from '../../components/Page';
import { OnSwitch, PendingLine } from '../../components/Pending';
import { isOn, useEditing, useFollowConfiguration } from '../../components/usePending';
import { useUrlState } from '../../components/useUrlState';
import { List } from './List';
import { Policy } from './Policy';
import { listQuery, usual, type View } from './view';

function commandsOf(view: View): Commands {
  const on = isOn(view.on);
  if (view.policy !== '') return { path: `/api/v1/policies/${encodeURIComponent(view.policy)}${search({ on })}`, fcrctl: `policy get ${quote(view.policy)} --on ${on}` };
  const asked = listQuery(view);
  return { path: `/api/v1/policies${search(asked)}`, fcrctl: `policy list${flags(asked)}` };
}

/** Which flows are redirected, mirrored or dropped, and in which order that is asked. */
export default function Policies() {
  const [view, set] = useUrlState(usual);
  const on = isOn(view.on);
  const { offered, blocked } = useEditing('policy.write', on);
  useFollowConfiguration();
  const one = view.policy !== '' || view.new !== '';
  return (
    <Page
      title="Policies"
      text="The first enabled one that matches a flow decides. What none matches is forwarded."
      commands={commandsOf(view)}
      actions={
        <>
          {view.new === '' && <OnSwitch on={on} onChange={(next) => set({ on: next })} />}
          {offered && !one && (
            <Button icon={<PlusIcon />} onClick={() => set({ new: '1' }, true)}>
              New policy
            </Button>
          )}
        </>
      }
    >
      <div className="fcr-stack">
        <PendingLine on={on} blocked={blocked} />
        {one ? <Policy view={view} set={set} on={on} offered={offered} /> : <List view={view} set={set} on={on} offered={offered} />}
      </div>
    </Page>
  );
}
