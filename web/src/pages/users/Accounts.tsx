import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { query, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useSession } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';
import { Name } from '../../components/Wwn';
import { AccountForm, ResetPassword } from './AccountForm';
import { read, remove, useForgetAccounts, write, type User } from './accounts';

const columns: readonly Column<User>[] = [
  { id: 'name', title: 'Name', render: (u) => <Name name={u.name} /> },
  { id: 'role', title: 'Role', render: (u) => u.role },
  { id: 'state', title: 'State', render: (u) => (u.disabled ? <State tone="neutral" text="disabled" /> : <State tone="good" text="enabled" />) },
  { id: 'description', title: 'Description', render: (u) => (u.description === '' ? '–' : <Name name={u.description} />) },
  { id: 'created', title: 'Created', render: (u) => <Time at={u.created_at} /> },
  { id: 'password', title: 'Password since', render: (u) => <Time at={u.password_changed_at} /> },
];

type What = 'edit' | 'password' | 'disable' | 'enable' | 'delete';
interface Doing {
  what: What;
  account: { user: User; tag: string };
}

/** Ask says what follows from ending or keeping out an account. */
function Ask({ doing: { what, account }, onDone, onClose }: { doing: Doing; onDone: (text: string) => void; onClose: () => void }) {
  const { user, tag } = account;
  const draft = { role: user.role, description: user.description };
  if (what === 'delete') {
    return (
      <Confirm title={`Delete account ${user.name}?`} action="Delete account" onClose={onClose} onConfirm={async () => { await remove(user.name, tag); onDone(`Account ${user.name} was deleted`); }}>
        Its sessions and tokens end at once: scripts that use them fail from then on. What it did stays in the audit log.
      </Confirm>
    );
  }
  const off = what === 'disable';
  return (
    <Confirm title={off ? `Disable account ${user.name}?` : `Enable account ${user.name}?`} action={off ? 'Disable account' : 'Enable account'} danger={off} onClose={onClose} onConfirm={async () => { await write(user.name, { ...draft, disabled: off }, tag); onDone(`Account ${user.name} is ${off ? 'disabled' : 'enabled'}`); }}>
      {off ? 'It is kept out from its next request on, with its sessions and tokens. Nothing is deleted: it can be enabled again.' : 'It may sign in again, and its tokens may be used again.'}
    </Confirm>
  );
}

/** Accounts lists who may come in, and as what. */
export function Accounts() {
  const { can } = useSession();
  const may = can('user.write');
  const toast = useToast();
  const forget = useForgetAccounts();
  const [creating, setCreating] = useState(false);
  const [doing, setDoing] = useState<Doing>();
  const list = query.useInfiniteQuery('get', '/api/v1/users', { params: { query: { limit: 200 } } }, { pageParamName: 'cursor', initialPageParam: undefined, getNextPageParam: (l: Schema['UserList']) => l.next_cursor });
  const begin = async (what: What, name: string) => {
    try {
      setDoing({ what, account: await read(name) });
    } catch (e) {
      toast({ title: asProblem(e).title, text: asProblem(e).detail, variant: 'danger' });
    }
  };
  const done = (text: string) => {
    toast({ title: text, variant: 'success' });
    forget();
  };
  const close = () => setDoing(undefined);
  return (
    <>
      {may && (
        <p>
          <Button onClick={() => setCreating(true)}>Create account</Button>
        </p>
      )}
      <DataTable
        label="Accounts"
        columns={columns}
        items={list.data?.pages.flatMap((p) => p.items)}
        keyOf={(u) => u.name}
        error={list.error}
        again={() => void list.refetch()}
        total={list.data?.pages[0]?.total}
        more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
        emptyTitle="No accounts"
        empty="Create one for each person; programs use tokens."
        rowActions={
          may
            ? (u) => [
                { title: 'Edit', onClick: () => void begin('edit', u.name) },
                { title: 'Reset password', onClick: () => void begin('password', u.name) },
                u.disabled ? { title: 'Enable', onClick: () => void begin('enable', u.name) } : { title: 'Disable', onClick: () => void begin('disable', u.name) },
                { isSeparator: true },
                { title: 'Delete', isDanger: true, onClick: () => void begin('delete', u.name) },
              ]
            : undefined
        }
      />
      {creating && <AccountForm account={undefined} onDone={done} onClose={() => setCreating(false)} />}
      {doing?.what === 'edit' && <AccountForm account={doing.account} onDone={done} onClose={close} />}
      {doing?.what === 'password' && <ResetPassword account={doing.account} onDone={done} onClose={close} />}
      {doing !== undefined && doing.what !== 'edit' && doing.what !== 'password' && <Ask doing={doing} onDone={done} onClose={close} />}
    </>
  );
}
