import { api, ifMatch } from '../../api/client';
import { useForgetConfiguration } from '../../app/change';
import { Confirm } from '../../components/Confirm';
import { NewName } from '../../components/NewName';
import { useToast } from '../../components/Toasts';
import { usedInWords } from './lists';
import type { Alias, NameSet, Use } from './names';

type Named = Pick<Alias | NameSet, 'name' | 'version'>;

const about = (o: Named) => ({ path: { name: o.name ?? '' }, header: ifMatch(o.version) });

const calls = {
  alias: {
    rename: (o: Named, to: string) => api.POST('/api/v1/aliases/{name}/rename', { params: about(o), body: { to } }),
    remove: (o: Named) => api.DELETE('/api/v1/aliases/{name}', { params: about(o) }),
  },
  set: {
    rename: (o: Named, to: string) => api.POST('/api/v1/sets/{name}/rename', { params: about(o), body: { to } }),
    remove: (o: Named) => api.DELETE('/api/v1/sets/{name}', { params: about(o) }),
  },
};

interface DialogsProps {
  what: 'alias' | 'set';
  asked: 'rename' | 'delete';
  item: Named;
  uses: readonly Use[] | undefined;
  onClose: () => void;
}

/** Dialogs asks before an alias or a set is renamed or deleted, and says what stands in the way. */
export function Dialogs({ what, asked, item, uses, onClose }: DialogsProps) {
  const toast = useToast();
  const forget = useForgetConfiguration();
  const name = item.name ?? '';
  const used = usedInWords(uses);
  const done = (title: string) => {
    toast({ title, text: 'It is pending until the changes are applied.', variant: 'success' });
    forget();
  };
  if (asked === 'rename') {
    return (
      <NewName
        title={`Rename ${name}`}
        text={used === undefined ? 'Nothing uses it.' : `${used} It gets the new name there too.`}
        action="Rename"
        name={name}
        onName={async (to) => {
          await calls[what].rename(item, to);
          done(`${name} is called ${to} now`);
        }}
        onClose={onClose}
      />
    );
  }
  return (
    <Confirm
      title={`Delete ${what} ${name}?`}
      action={`Delete the ${what}`}
      onClose={onClose}
      onConfirm={async () => {
        await calls[what].remove(item);
        done(`${name} deleted`);
      }}
    >
      <p>{used === undefined ? `It goes when the pending changes are applied; until then it can be discarded.` : `${used} The appliance refuses to delete it until nothing uses it any more.`}</p>
    </Confirm>
  );
}
