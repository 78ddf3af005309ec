import { Button } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, query, type Schema } from '../api/client';
import { useSession } from '../app/session';
import { useNow } from '../live';
import { Confirm } from './Confirm';
import { DataTable, type Column } from './DataTable';
import { NewToken } from './NewToken';
import { State } from './State';
import { Time } from './Time';
import { useToast } from './Toasts';
import { Name } from './Wwn';

type Token = Schema['Token'];

const path = '/api/v1/tokens';
const refetchMs = 30_000;
/** Who has so little left should make a new one. */
const soonMs = 14 * 86_400_000;

function Expiry({ at }: { at: string | undefined }) {
  const now = useNow(60_000);
  if (at === undefined) return <State tone="warning" text="never" title="Whoever finds it can use it for ever: revoke it when it is not needed any more." />;
  const left = Date.parse(at) - now;
  return (
    <>
      <Time at={at} /> {left <= 0 ? <State tone="bad" text="expired" /> : left < soonMs && <State tone="warning" text="soon" />}
    </>
  );
}

const columns: readonly Column<Token>[] = [
  { id: 'name', title: 'Name', render: (t) => <Name name={t.name} /> },
  { id: 'role', title: 'Role', render: (t) => t.role },
  { id: 'used', title: 'Used last', render: (t) => (t.used_at === undefined ? <span className="fcr-subtle">never</span> : <Time at={t.used_at} relative />) },
  { id: 'from', title: 'From', render: (t) => <span className="fcr-mono">{t.used_from ?? '–'}</span> },
  {
    id: 'addresses',
    title: 'May be used from',
    render: (t) => (t.addresses.length === 0 ? <span className="fcr-subtle">any address</span> : <span className="fcr-mono">{t.addresses.join(', ')}</span>),
  },
  { id: 'created', title: 'Made', render: (t) => <Time at={t.created_at} /> },
  { id: 'expires', title: 'Expires', render: (t) => <Expiry at={t.expires_at} /> },
];

const ownerColumn: Column<Token> = { id: 'owner', title: 'Owner', render: (t) => <Name name={t.owner} /> };

/**
 * Tokens lists, makes and revokes tokens. owner names an account, or is * for those of all (this needs token.read; new ones are
 * then one's own); without it they are one's own.
 */
export function Tokens({ owner }: { owner?: string }) {
  const { me, can } = useSession();
  const client = useQueryClient();
  const toast = useToast();
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<Token>();
  const whose = owner ?? me.name;
  const others = whose !== me.name;
  const all = query.useInfiniteQuery(
    'get',
    path,
    { params: { query: { limit: 200, ...(others ? { owner: whose } : {}) } } },
    { pageParamName: 'cursor', initialPageParam: undefined, getNextPageParam: (l: Schema['TokenList']) => l.next_cursor, refetchInterval: refetchMs },
  );
  const items = all.data?.pages.flatMap((p) => p.items);
  const changed = () => void client.invalidateQueries({ queryKey: ['get', path] });
  const mayMake = can(others && whose !== '*' ? 'token.write' : 'self.token');
  const mayRevoke = (t: Token) => can(t.owner === me.name ? 'self.token' : 'token.write');
  return (
    <div className="fcr-stack">
      <div>
        <DataTable
          label={whose === '*' ? 'Tokens of all accounts' : `Tokens of ${whose}`}
          columns={whose === '*' ? [columns[0], ownerColumn, ...columns.slice(1)].filter((c) => c !== undefined) : columns}
          items={items}
          keyOf={(t) => t.id}
          error={all.error}
          again={() => void all.refetch()}
          rowActions={items?.some(mayRevoke) === true ? (t) => (mayRevoke(t) ? [{ title: 'Revoke', onClick: () => setRevoking(t) }] : []) : undefined}
          emptyTitle="No tokens"
          empty="A token lets a program use the REST interface. Make one for each program, with no more of a role than it needs."
          total={all.data?.pages[0]?.total}
          more={{ has: all.hasNextPage, loading: all.isFetchingNextPage, load: () => void all.fetchNextPage() }}
        />
      </div>
      {mayMake && (
        <div>
          <Button variant="secondary" onClick={() => setMaking(true)}>
            Make a token
          </Button>
        </div>
      )}
      {making && <NewToken owner={whose === '*' ? me.name : whose} onMade={changed} onClose={() => setMaking(false)} />}
      {revoking !== undefined && (
        <Confirm
          title={`Revoke token ${revoking.name} of ${revoking.owner}?`}
          action="Revoke token"
          onClose={() => setRevoking(undefined)}
          onConfirm={async () => {
            await api.DELETE('/api/v1/tokens/{id}', { params: { path: { id: revoking.id } } });
            toast({ title: `Token ${revoking.name} was revoked`, variant: 'success' });
            changed();
          }}
        >
          Whatever program uses it is refused from its next request on. {revoking.used_at === undefined ? 'It was never used.' : <>It was used last <Time at={revoking.used_at} relative />.</>} A token cannot be
          brought back.
        </Confirm>
      )}
    </div>
  );
}
