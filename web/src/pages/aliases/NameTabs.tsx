import { Button, SearchInput } from '@patternfly/react-core';
import { useMemo, useState, type ReactNode } from 'react';
import { api, ifMatch } from '../../api/client';
import { useForgetConfiguration } from '../../app/change';
import { useCan } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { useToast } from '../../components/Toasts';
import { AliasForm } from './AliasForm';
import { aliasColumns, setColumns, usedInWords } from './lists';
import { found, inOrder, unnamed, type Alias, type NameSet, type Use } from './names';
import { SetForm } from './SetForm';
import { Unnamed } from './Unnamed';
import type { Names } from './useNames';

export interface View {
  search: string;
  sort: string;
}

export interface TabProps {
  names: Names;
  view: View;
  onView: (change: Partial<View>) => void;
  /** The dialog for a new one. */
  onNew: (wwpn?: string) => void;
  /** Buttons beside the search. */
  children?: ReactNode;
}

function Bar({ label, view, onView, children }: { label: string; view: View; onView: (c: Partial<View>) => void; children?: ReactNode }) {
  return (
    <div className="fcr-names-bar">
      <div data-search className="fcr-names-search">
        <SearchInput aria-label={label} placeholder="Part of a name, or a WWPN in any spelling" value={view.search} onChange={(_, v) => onView({ search: v })} onClear={() => onView({ search: '' })} maxLength={64} />
      </div>
      {children}
    </div>
  );
}

/** Deletion asks first, and says what stands in the way. */
function Deletion({ what, name, uses, onDelete, onClose }: { what: string; name: string; uses: readonly Use[] | undefined; onDelete: () => Promise<unknown>; onClose: () => void }) {
  const toast = useToast();
  const forget = useForgetConfiguration();
  const used = usedInWords(uses);
  return (
    <Confirm
      title={`Delete ${what} ${name}?`}
      action={`Delete the ${what}`}
      onClose={onClose}
      onConfirm={async () => {
        await onDelete();
        toast({ title: `The ${what} ${name} is deleted in the pending configuration`, text: 'It counts when the changes are applied.', variant: 'success' });
        forget();
      }}
    >
      <p>{used === undefined ? `It goes when the pending changes are applied; until then it can be discarded.` : `${used} The appliance refuses to delete it until nothing uses it any more.`}</p>
    </Confirm>
  );
}

/** useDialog is which one is edited, and which one is to be deleted. */
function useDialog<T>() {
  const [editing, edit] = useState<T>();
  const [deleting, del] = useState<T>();
  const actions = useMemo(
    () => (item: T) => [
      { title: 'Edit', onClick: () => edit(item) },
      { isSeparator: true },
      { title: 'Delete', isDanger: true, onClick: () => del(item) },
    ],
    [],
  );
  return { editing, edit, deleting, del, actions };
}

const keyOf = (o: { name?: string }) => o.name ?? '';

export function AliasTab({ names, view, onView, onNew, children }: TabProps) {
  const may = useCan('alias.write');
  const { editing, edit, deleting, del, actions } = useDialog<Alias>();
  const { aliases, uses, logins, activeNames } = names;
  const items = useMemo(() => (aliases.data === undefined ? undefined : inOrder(found(aliases.data, view.search), view.sort)), [aliases.data, view.search, view.sort]);
  const columns = useMemo(() => aliasColumns(uses, logins, activeNames), [uses, logins, activeNames]);
  const without = useMemo(() => (logins === undefined || aliases.data === undefined ? [] : unnamed(logins, aliases.data)), [logins, aliases.data]);
  const nothing = view.search !== '' && (aliases.data?.length ?? 0) > 0;
  return (
    <>
      <Bar label="Search aliases" view={view} onView={onView}>
        {children}
      </Bar>
      {may && <Unnamed logins={without} onName={onNew} />}
      <DataTable
        label="Aliases"
        columns={columns}
        items={items}
        keyOf={keyOf}
        error={aliases.error}
        again={() => void aliases.refetch()}
        sort={view.sort}
        onSort={(sort) => onView({ sort })}
        {...(may ? { onOpen: edit, rowActions: actions } : {})}
        total={aliases.data?.length}
        emptyTitle={nothing ? 'No alias matches' : 'No aliases yet'}
        empty={
          nothing ? (
            'No name and no WWPN has this in it.'
          ) : (
            <>
              An alias is a name for a WWPN, shown wherever the WWPN is.{' '}
              {may && (
                <Button variant="link" isInline onClick={() => onNew()}>
                  Name a WWPN
                </Button>
              )}
            </>
          )
        }
      />
      {editing !== undefined && <AliasForm alias={editing} used={usedInWords(uses.get(keyOf(editing)))} onClose={() => edit(undefined)} />}
      {deleting !== undefined && (
        <Deletion
          what="alias"
          name={keyOf(deleting)}
          uses={uses.get(keyOf(deleting))}
          onDelete={() => api.DELETE('/api/v1/aliases/{name}', { params: { path: { name: keyOf(deleting) }, header: ifMatch(deleting.version) } })}
          onClose={() => del(undefined)}
        />
      )}
    </>
  );
}

export function SetTab({ names, view, onView, onNew, children }: TabProps) {
  const may = useCan('set.write');
  const { editing, edit, deleting, del, actions } = useDialog<NameSet>();
  const { aliases, sets, uses } = names;
  const items = useMemo(() => {
    const t = view.search.trim().toLowerCase();
    return sets.data === undefined ? undefined : inOrder(sets.data.filter((s) => [s.name ?? '', ...s.members].some((n) => n.toLowerCase().includes(t))), view.sort);
  }, [sets.data, view.search, view.sort]);
  const columns: readonly Column<NameSet>[] = useMemo(() => setColumns(uses), [uses]);
  const nothing = view.search !== '' && (sets.data?.length ?? 0) > 0;
  return (
    <>
      <Bar label="Search sets" view={view} onView={onView}>
        {children}
      </Bar>
      <DataTable
        label="Sets"
        columns={columns}
        items={items}
        keyOf={keyOf}
        error={sets.error}
        again={() => void sets.refetch()}
        sort={view.sort}
        onSort={(sort) => onView({ sort })}
        {...(may ? { onOpen: edit, rowActions: actions } : {})}
        total={sets.data?.length}
        emptyTitle={nothing ? 'No set matches' : 'No sets yet'}
        empty={
          nothing ? (
            'No set and no member has this in its name.'
          ) : (
            <>
              A set is a name for several ports, which a policy can match at once.{' '}
              {may && (
                <Button variant="link" isInline onClick={() => onNew()}>
                  Make a set
                </Button>
              )}
            </>
          )
        }
      />
      {editing !== undefined && <SetForm set={editing} aliases={aliases.data ?? []} onClose={() => edit(undefined)} />}
      {deleting !== undefined && (
        <Deletion
          what="set"
          name={keyOf(deleting)}
          uses={uses.get(keyOf(deleting))}
          onDelete={() => api.DELETE('/api/v1/sets/{name}', { params: { path: { name: keyOf(deleting) }, header: ifMatch(deleting.version) } })}
          onClose={() => del(undefined)}
        />
      )}
    </>
  );
}
