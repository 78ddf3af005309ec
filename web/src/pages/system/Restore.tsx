import { Alert, Button, Checkbox } from '@patternfly/react-core';
import { useState } from 'react';
import { api, type Schema } from '../../api/client';
import { Confirm } from '../../components/Confirm';
import { plural } from '../../components/format';
import { Problem } from '../../components/Problem';
import { useAttempt } from '../../components/useAttempt';

const none = { policy: true, pending: false, accounts: false, webhooks: false };
const partTexts = {
  policy: 'The policy that was in force, as the pending configuration',
  pending: 'What was pending then, instead',
  accounts: 'Accounts that are not there, with their passwords and tokens',
  webhooks: 'Webhooks that are not there, disabled: they need a new secret',
};
const partNames = ['policy', 'pending', 'accounts', 'webhooks'] as const;

const List = ({ names }: { names: readonly string[] }) => <bdi>{names.length === 0 ? 'none' : names.join(', ')}</bdi>;

/** Outcome is what a restore would bring, as the appliance found it without doing it. */
const Outcome = ({ o }: { o: Schema['RestoreOutcome'] }) => (
  <Alert isInline variant="info" title="This would come back">
    <p>Pending configuration: {o.policy ? 'replaced' : 'stays as it is'}.</p>
    <p>
      Accounts: <List names={o.accounts} />; {plural(o.tokens, 'token')}. Webhooks: <List names={o.webhooks} />.
    </p>
    {o.kept.length > 0 && (
      <p>
        There already, and kept: <List names={o.kept} />.
      </p>
    )}
    {o.notes?.map((n) => (
      <p key={n}>{n}</p>
    ))}
  </Alert>
);

/** Restore chooses parts, shows what would come back, and then does it. */
export function Restore({ backup, onJob, onClose }: { backup: Schema['Backup']; onJob: (id: string) => void; onClose: () => void }) {
  const [parts, setParts] = useState(none);
  const [outcome, setOutcome] = useState<Schema['RestoreOutcome']>();
  const { busy, error, attempt } = useAttempt();
  const body = { ...parts, policy: parts.policy && !parts.pending };
  const ask = async (dry_run: boolean) => {
    const { data } = await api.POST('/api/v1/backups/{id}/restore', { params: { path: { id: backup.id }, query: { dry_run } }, body });
    return data;
  };
  const choose = (part: keyof typeof none, chosen: boolean) => {
    setParts({ ...parts, [part]: chosen });
    setOutcome(undefined);
  };
  const look = () => attempt(async () => setOutcome((await ask(true))?.outcome));
  return (
    <Confirm
      title={`Restore from ${backup.id}?`}
      action="Restore"
      onClose={onClose}
      onConfirm={async () => {
        const job = (await ask(false))?.job;
        if (job !== undefined) onJob(job.id);
      }}
    >
      <div className="fcr-stack">
        <p>
          The policy arrives as the pending configuration, in place of what is pending now: nothing decides differently until it is reviewed and applied
          under Changes.
        </p>
        {partNames.map((p) => (
          <Checkbox key={p} id={`part-${p}`} label={partTexts[p]} isChecked={parts[p]} onChange={(_, v) => choose(p, v)} />
        ))}
        <div>
          <Button variant="secondary" isLoading={busy} isDisabled={busy} onClick={() => void look()}>
            See what would come back
          </Button>
        </div>
        {error !== undefined && <Problem error={error} />}
        {outcome !== undefined && <Outcome o={outcome} />}
      </div>
    </Confirm>
  );
}
