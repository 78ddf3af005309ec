import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, query, type Schema } from '../api/client';
import { useSession } from '../app/session';
import { browserOf } from './agent';
import { Confirm, ConfirmButton } from './Confirm';
import { DataTable, type Column } from './DataTable';
import { State } from './State';
import { Time } from './Time';
import { useToast } from './Toasts';
import { Name } from './Wwn';

type Session = Schema['Session'];

const path = '/api/v1/sessions';
/** The stream has no sessions: a list that is looked at is asked for again. */
const refetchMs = 15_000;

const columns: readonly Column<Session>[] = [
  {
    id: 'agent',
    title: 'Browser',
    render: (s) => (
      <>
        <span title={s.agent}>{browserOf(s.agent)}</span> {s.current && <State tone="info" text="this one" />}
      </>
    ),
  },
  { id: 'address', title: 'Address', render: (s) => <span className="fcr-mono">{s.address === '' ? '–' : s.address}</span> },
  { id: 'used', title: 'Used last', render: (s) => <Time at={s.used_at} relative /> },
  { id: 'created', title: 'Signed in', render: (s) => <Time at={s.created_at} /> },
  { id: 'expires', title: 'Ends at the latest', render: (s) => <Time at={s.expires_at} /> },
];

const user: Column<Session> = { id: 'user', title: 'Account', render: (s) => <Name name={s.user} /> };

/** EndOthers ends the sessions of an account but for the one in which it is clicked. */
function EndOthers({ owner, others, onEnded }: { owner: string; others: number; onEnded: () => void }) {
  const { me } = useSession();
  const mine = owner === me.name;
  return (
    <ConfirmButton
      label={mine ? 'End all other sessions' : 'End all sessions'}
      variant="secondary"
      isDisabled={others === 0}
      confirm={{
        title: mine ? 'End all your other sessions?' : `End all sessions of ${owner}?`,
        action: others === 1 ? 'End 1 session' : `End ${others} sessions`,
        children: `Whoever works in ${others === 1 ? 'it has' : 'them has'} to sign in again. Tokens go on.`,
        onConfirm: async () => {
          await api.DELETE(path, { params: { query: { user: owner } } });
          onEnded();
        },
      }}
    />
  );
}

/**
 * Sessions lists who is signed in and ends sessions. owner names an account, or is * for all of them (this needs session.read);
 * without it they are one's own.
 */
export function Sessions({ owner }: { owner?: string }) {
  const { me, can } = useSession();
  const client = useQueryClient();
  const toast = useToast();
  const [ending, setEnding] = useState<Session>();
  const whose = owner ?? me.name;
  const all = query.useInfiniteQuery(
    'get',
    path,
    { params: { query: { limit: 200, ...(whose === me.name ? {} : { user: whose }) } } },
    { pageParamName: 'cursor', initialPageParam: undefined, getNextPageParam: (l: Schema['SessionList']) => l.next_cursor, refetchInterval: refetchMs },
  );
  const items = all.data?.pages.flatMap((p) => p.items);
  const may = can(whose === me.name ? 'self.write' : 'session.write');
  const ended = (text: string) => {
    toast({ title: text, variant: 'success' });
    void client.invalidateQueries({ queryKey: ['get', path] });
  };
  return (
    <div className="fcr-stack">
      <div>
        <DataTable
          label={whose === '*' ? 'Sessions of all accounts' : `Sessions of ${whose}`}
          columns={whose === '*' ? [user, ...columns] : columns}
          items={items}
          keyOf={(s) => s.id}
          error={all.error}
          again={() => void all.refetch()}
          rowActions={may ? (s) => (s.current ? [] : [{ title: 'End session', onClick: () => setEnding(s) }]) : undefined}
          emptyTitle="No sessions"
          empty="Nobody is signed in with a browser. A session is there from signing in to signing out."
          total={all.data?.pages[0]?.total}
          more={{ has: all.hasNextPage, loading: all.isFetchingNextPage, load: () => void all.fetchNextPage() }}
        />
      </div>
      {may && whose !== '*' && items !== undefined && (
        <div>
          <EndOthers owner={whose} others={items.filter((s) => !s.current).length} onEnded={() => ended(whose === me.name ? 'Your other sessions have ended' : `The sessions of ${whose} have ended`)} />
        </div>
      )}
      {ending !== undefined && (
        <Confirm
          title={`End the session of ${ending.user}?`}
          action="End session"
          onClose={() => setEnding(undefined)}
          onConfirm={async () => {
            await api.DELETE('/api/v1/sessions/{id}', { params: { path: { id: ending.id } } });
            ended(`The session of ${ending.user} has ended`);
          }}
        >
          {browserOf(ending.agent)}
          {ending.address === '' ? '' : ` at ${ending.address}`} is signed out at once. What was not saved there is not lost: it goes on after signing in again.
        </Confirm>
      )}
    </div>
  );
}
