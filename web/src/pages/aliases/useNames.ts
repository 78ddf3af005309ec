import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, query } from '../../api/client';
import { useChange } from '../../app/change';
import { useCan } from '../../app/session';
import { usesOf } from './names';

/** A list is read whole, to be searched as one types: an appliance has some thousands of names at most. */
const pageSize = 1000;
const mostPages = 100;

interface ListPage<T> {
  items: T[];
  next_cursor?: string;
}

async function whole<T>(page: (cursor: string | undefined) => Promise<ListPage<T> | undefined>): Promise<T[]> {
  const out: T[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < mostPages; n++) {
    const p = await page(cursor);
    out.push(...(p?.items ?? []));
    cursor = p?.next_cursor;
    if (cursor === undefined) break;
  }
  return out;
}

type On = 'pending' | 'active';

const asked = (on: On, cursor: string | undefined) => ({ params: { query: { on, limit: pageSize, cursor } } });

/** useNames is all names of the configuration that is being edited, where they are used, and who has none. */
export function useNames() {
  const may = { sets: useCan('set.read'), policies: useCan('policy.read'), logins: useCan('login.read') };
  const { change } = useChange();
  // Whoever edits, here or elsewhere: the lists are read again.
  const state = `${change?.pending?.changed ?? ''} ${change?.active.revision ?? ''}`;
  const options = { placeholderData: <T>(was: T | undefined) => was, staleTime: 10_000 };
  const aliases = useQuery({
    ...options,
    queryKey: ['get', '/api/v1/aliases', 'all', 'pending', state],
    queryFn: ({ signal }) => whole(async (c) => (await api.GET('/api/v1/aliases', { ...asked('pending', c), signal })).data),
  });
  const active = useQuery({
    ...options,
    queryKey: ['get', '/api/v1/aliases', 'all', 'active', state],
    queryFn: ({ signal }) => whole(async (c) => (await api.GET('/api/v1/aliases', { ...asked('active', c), signal })).data),
    enabled: change?.pending !== undefined,
  });
  const sets = useQuery({
    ...options,
    queryKey: ['get', '/api/v1/sets', 'all', state],
    queryFn: ({ signal }) => whole(async (c) => (await api.GET('/api/v1/sets', { ...asked('pending', c), signal })).data),
    enabled: may.sets,
  });
  const policies = useQuery({
    ...options,
    queryKey: ['get', '/api/v1/policies', 'all', state],
    queryFn: ({ signal }) => whole(async (c) => (await api.GET('/api/v1/policies', { ...asked('pending', c), signal })).data),
    enabled: may.policies,
  });
  const logins = query.useQuery('get', '/api/v1/logins', { params: { query: { limit: 1000 } } }, { enabled: may.logins, refetchInterval: 10_000 });
  const uses = useMemo(() => usesOf(aliases.data ?? [], sets.data ?? [], policies.data ?? []), [aliases.data, sets.data, policies.data]);
  const activeNames = useMemo(
    () => (change?.pending === undefined || active.data === undefined ? undefined : new Map(active.data.map((a) => [a.name ?? '', a.wwpn]))),
    [change?.pending, active.data],
  );
  return { aliases, sets, logins: logins.data?.items, uses, activeNames };
}

export type Names = ReturnType<typeof useNames>;
