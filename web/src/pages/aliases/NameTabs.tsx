import { Button, SearchInput } from '@patternfly/react-core';
import { useCallback, useMemo, useRef, useState, type ReactNode } from 'react';
import { DataTable, type Column } from '../../components/DataTable';
import { AliasForm } from './AliasForm';
import { Dialogs } from './Dialogs';
import { aliasColumns, setColumns, usedInWords } from './lists';
import { found, inOrder, unnamed, type NameSet } from './names';
import { SetForm } from './SetForm';
import { Unnamed } from './Unnamed';
import type { Names } from './useNames';

export interface View {
  search: string;
  sort: string;
}

export interface TabProps {
  names: Names;
  /** Edits are offered: the role may, and nobody else edits. */
  offered: boolean;
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

interface Asked {
  what: 'edit' | 'rename' | 'delete';
  name: string;
}

/** useDialog is what is asked about one of a list, as that one is now; last is as it was when it was last there. */
function useDialog<T extends { name?: string }>(items: readonly T[] | undefined) {
  const [asked, ask] = useState<Asked>();
  const last = useRef<T>(undefined);
  const now = asked === undefined ? undefined : items?.find((i) => i.name === asked.name);
  last.current = now ?? (asked === undefined ? undefined : last.current);
  const edit = useCallback((item: T) => ask({ what: 'edit', name: item.name ?? '' }), []);
  const actions = useMemo(
    () => (item: T) => [
      { title: 'Edit', onClick: () => edit(item) },
      { title: 'Rename…', onClick: () => ask({ what: 'rename', name: item.name ?? '' }) },
      { isSeparator: true },
      { title: 'Delete…', isDanger: true, onClick: () => ask({ what: 'delete', name: item.name ?? '' }) },
    ],
    [edit],
  );
  return { asked: asked?.what, now, last: last.current, edit, close: () => ask(undefined), actions };
}

const keyOf = (o: { name?: string }) => o.name ?? '';

export function AliasTab({ names, offered, view, onView, onNew, children }: TabProps) {
  const { aliases, uses, logins, activeNames } = names;
  const { asked, now, last, edit, close, actions } = useDialog(aliases.data);
  const items = useMemo(() => (aliases.data === undefined ? undefined : inOrder(found(aliases.data, view.search), view.sort)), [aliases.data, view.search, view.sort]);
  const columns = useMemo(() => aliasColumns(uses, logins, activeNames), [uses, logins, activeNames]);
  const without = useMemo(() => (logins === undefined || aliases.data === undefined ? [] : unnamed(logins, aliases.data)), [logins, aliases.data]);
  const nothing = view.search !== '' && (aliases.data?.length ?? 0) > 0;
  return (
    <>
      <Bar label="Search aliases" view={view} onView={onView}>
        {children}
      </Bar>
      {offered && <Unnamed logins={without} onName={onNew} />}
      <DataTable
        label="Aliases"
        columns={columns}
        items={items}
        keyOf={keyOf}
        error={aliases.error}
        again={() => void aliases.refetch()}
        sort={view.sort}
        onSort={(sort) => onView({ sort })}
        {...(offered ? { onOpen: edit, rowActions: actions } : {})}
        total={aliases.data?.length}
        emptyTitle={nothing ? 'No alias matches' : 'No aliases yet'}
        empty={
          nothing ? (
            'No name and no WWPN has this in it.'
          ) : (
            <>
              An alias is a name for a WWPN, shown wherever the WWPN is.{' '}
              {offered && (
                <Button variant="link" isInline onClick={() => onNew()}>
                  Name a WWPN
                </Button>
              )}
            </>
          )
        }
      />
      {asked === 'edit' && last !== undefined && <AliasForm now={now} gone={now === undefined} used={usedInWords(uses.get(keyOf(last)))} onClose={close} />}
      {(asked === 'rename' || asked === 'delete') && last !== undefined && <Dialogs what="alias" asked={asked} item={last} uses={uses.get(keyOf(last))} onClose={close} />}
    </>
  );
}

export function SetTab({ names, offered, view, onView, onNew, children }: TabProps) {
  const { aliases, sets, uses } = names;
  const { asked, now, last, edit, close, actions } = useDialog(sets.data);
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
        {...(offered ? { onOpen: edit, rowActions: actions } : {})}
        total={sets.data?.length}
        emptyTitle={nothing ? 'No set matches' : 'No sets yet'}
        empty={
          nothing ? (
            'No set and no member has this in its name.'
          ) : (
            <>
              A set is a name for several ports, which a policy can match at once.{' '}
              {offered && (
                <Button variant="link" isInline onClick={() => onNew()}>
                  Make a set
                </Button>
              )}
            </>
          )
        }
      />
      {asked === 'edit' && last !== undefined && <SetForm now={now} gone={now === undefined} aliases={aliases.data ?? []} onClose={close} />}
      {(asked === 'rename' || asked === 'delete') && last !== undefined && <Dialogs what="set" asked={asked} item={last} uses={uses.get(keyOf(last))} onClose={close} />}
    </>
  );
}
