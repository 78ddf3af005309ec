import { api, type Schema } from '../../api/client';
import { useForgetConfiguration } from '../../app/change';
import { Confirm } from '../../components/Confirm';
import { NewName } from '../../components/NewName';
import { useToast } from '../../components/Toasts';
import { about } from './useService';
import { drainText } from './words';

type Service = Schema['ServiceItem'];

export interface Asked {
  what: 'drain' | 'rename' | 'delete';
  service: Service;
}

/** Dialogs asks before a service is drained, renamed or deleted: all edits of the pending configuration. */
export function Dialogs({ asked, onClose, onGone }: { asked: Asked | undefined; onClose: () => void; onGone?: (now: string) => void }) {
  const toast = useToast();
  const forget = useForgetConfiguration();
  if (asked === undefined) return null;
  const { service } = asked;
  const done = (title: string) => {
    toast({ title, text: 'It is pending until the changes are applied.', variant: 'success' });
    forget();
  };
  if (asked.what === 'rename') {
    return (
      <NewName
        title={`Rename ${service.name}`}
        text="It gets the new name in all policies that use it. Counts by service go on under the new name."
        action="Rename"
        name={service.name ?? ''}
        onName={async (to) => {
          await api.POST('/api/v1/services/{name}/rename', { params: about(service), body: { to } });
          done(`${service.name} is called ${to} now`);
          onGone?.(to);
        }}
        onClose={onClose}
      />
    );
  }
  if (asked.what === 'drain') {
    const drain = async () => {
      await api.POST('/api/v1/services/{name}/drain', { params: about(service) });
      done(`${service.name} is being drained`);
    };
    return (
      <Confirm title={`Drain service ${service.name}`} action="Drain" onConfirm={drain} onClose={onClose}>
        <p>{drainText(service)}</p>
        <p>Nothing happens to traffic until the changes are applied. Enabling the policies again undoes it.</p>
      </Confirm>
    );
  }
  const remove = async () => {
    await api.DELETE('/api/v1/services/{name}', { params: about(service) });
    done(`${service.name} deleted`);
    onGone?.('');
  };
  const users = service.used_by ?? [];
  return (
    <Confirm title={`Delete service ${service.name}`} action="Delete" onConfirm={remove} onClose={onClose}>
      <p>
        {users.length === 0
          ? 'No policy uses it. Nothing happens to traffic until the changes are applied.'
          : `It is used by ${users.length === 1 ? `policy ${users[0] ?? ''}` : `${users.length} policies`}, and cannot be deleted before these use another service or are deleted.`}
      </p>
    </Confirm>
  );
}
