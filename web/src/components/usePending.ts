import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef } from 'react';
import { api, type Schema } from '../api/client';
import { useChange, useForgetConfiguration } from '../app/change';
import { useCan, useSession } from '../app/session';

/** Which configuration is shown: what is being edited, or what decides. */
export type On = 'pending' | 'active';

export const isOn = (text: string): On => (text === 'active' ? 'active' : 'pending');

/** Why nothing can be edited now, though the role may: somebody else edits, or a revision waits to be confirmed. */
export type Blocked = { why: 'locked'; owner: string; since: string } | { why: 'window'; revision: number | undefined } | undefined;

/** useEditing says whether edits are offered here. Another one's edits, and a revision that waits, make it wait. */
export function useEditing(permission: string, on: On): { offered: boolean; blocked: Blocked } {
  const may = useCan(permission);
  const { me } = useSession();
  const { change } = useChange();
  let blocked: Blocked;
  if (change !== undefined && change.phase !== 'idle') blocked = { why: 'window', revision: change.window?.revision };
  else if (change?.lock !== undefined && change.lock.owner !== me.name) blocked = { why: 'locked', owner: change.lock.owner, since: change.lock.since };
  return { offered: may && on === 'pending' && blocked === undefined, blocked: may ? blocked : undefined };
}

/** useFollowConfiguration reads lists again when anybody edited, applied or reverted. */
export function useFollowConfiguration(): void {
  const { change } = useChange();
  const forget = useForgetConfiguration();
  const key = change === undefined ? undefined : [change.active.generation, change.active.document, change.pending?.changed ?? '', change.pending?.edits ?? 0].join(' ');
  const was = useRef<string>(undefined);
  useEffect(() => {
    if (was.current !== undefined && key !== undefined && was.current !== key) forget();
    if (key !== undefined) was.current = key;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- forget is another one each time, and does the same
  }, [key]);
}

export interface Differences {
  /** What became of each object that is still there. */
  by: ReadonlyMap<string, Schema['ObjectChange']>;
  removed: readonly string[];
}

const none: Differences = { by: new Map(), removed: [] };

/** useDifferences is in what the pending configuration differs from the one that decides, for one kind of object. */
export function useDifferences(kind: Schema['ObjectChange']['kind']): Differences {
  const may = useCan('change.read');
  const { change } = useChange();
  const { data } = useQuery({
    queryKey: ['post', '/api/v1/change/diff', change?.pending?.changed ?? '', change?.active.document ?? ''],
    queryFn: async () => (await api.POST('/api/v1/change/diff')).data,
    enabled: may && change?.pending !== undefined,
    staleTime: Infinity,
  });
  const pending = change?.pending !== undefined;
  return useMemo(() => {
    if (!pending || data === undefined) return none;
    const mine = data.changes.filter((c) => c.kind === kind);
    return { by: new Map(mine.filter((c) => c.what !== 'removed').map((c) => [c.name, c])), removed: mine.filter((c) => c.what === 'removed').map((c) => c.name) };
  }, [data, kind, pending]);
}
