import { Alert, Button, Checkbox, List, ListItem, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useState } from 'react';
import { api, query } from '../../api/client';
import { Dialog } from '../../components/Dialog';
import { duration } from '../../components/format';
import { Name } from '../../components/Wwn';
import { Problem } from '../../components/Problem';
import { useToast } from '../../components/Toasts';
import { useAttempt } from '../../components/useAttempt';

/** Handover looks first what stands in the way, says it, and hands over only then; against an obstacle only with a second look. */
export function Handover({ partner, onClose }: { partner: string; onClose: () => void }) {
  const { busy, error, attempt } = useAttempt();
  const [force, setForce] = useState(false);
  const toast = useToast();
  const check = query.useQuery('post', '/api/v1/peers/{name}/handover', { params: { path: { name: partner }, query: { dry_run: true } } }, { staleTime: 0, gcTime: 0, refetchInterval: 3_000 });
  const obstacles = check.data?.obstacles ?? [];
  const blocked = check.data === undefined || (obstacles.length > 0 && !force);

  const go = () =>
    attempt(async () => {
      const { data } = await api.POST('/api/v1/peers/{name}/handover', { params: { path: { name: partner }, query: { force } } });
      toast({ title: `${partner} has the work`, text: data === undefined ? undefined : `It took ${duration(data.took_ms / 1000)}.`, variant: 'success' });
      onClose();
    });

  return (
    <Dialog variant="small" aria-labelledby="handover-title" onClose={onClose} busy={busy}>
      <ModalHeader title={`Hand over to ${partner}`} labelId="handover-title" titleIconVariant="warning" />
      <ModalBody>
        <div className="fcr-stack">
          <p>
            <Name name={partner} /> forwards all frames from then on; this node stands by. Frames that came before still leave by this node, so hosts should notice nothing.
          </p>
          {check.isPending && <p role="status">Looking what stands in the way…</p>}
          {check.error !== null && <Problem error={check.error} again={() => void check.refetch()} />}
          {check.data !== undefined && obstacles.length === 0 && <Alert isInline isPlain variant="success" title="Nothing stands in the way." />}
          {obstacles.length > 0 && (
            <Alert isInline variant="warning" title="This stands in the way">
              <List>
                {obstacles.map((o) => (
                  <ListItem key={o}>{o}</ListItem>
                ))}
              </List>
              <Checkbox className="fcr-space" id="handover-force" label="Hand over all the same: flows may meet another verdict there, or have to log in again" isChecked={force} onChange={(_, v) => setForce(v)} />
            </Alert>
          )}
          {error !== undefined && <Problem error={error} />}
        </div>
      </ModalBody>
      <ModalFooter>
        <Button variant={force ? 'danger' : 'primary'} isDisabled={busy || blocked} isLoading={busy} onClick={() => void go()}>
          Hand over
        </Button>
        <Button variant="link" isDisabled={busy} onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  );
}
