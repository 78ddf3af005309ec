import { Button, Flex } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { query, type Schema } from '../api/client';
import { asProblem } from '../api/problem';
import { stream, useNow } from '../live';
import { useToast } from '../components/Toasts';
import { useCan } from './session';

type Change = Schema['Change'];

/** leftOf is how many seconds a revision may still be confirmed: by the data plane's clock, from when the answer came on. */
function leftOf(window: NonNullable<Change['window']> | undefined, answeredAt: number, now: number): number {
  return window === undefined ? 0 : Math.max(0, Math.ceil(window.seconds_left - Math.max(0, now - answeredAt) / 1000));
}

/** When a window comes to its end nobody waits for the next look: what became of it is what matters. */
const oftenMs = 1_000;
const seldomMs = 30_000;

const isChange = (v: unknown): v is Change => typeof v === 'object' && v !== null && 'phase' in v && 'active' in v && 'confirmed' in v;

/** isNews says whether something changed that a countdown would not have shown by itself. */
function isNews(before: Change | undefined, answeredAt: number, after: Change, now: number): boolean {
  if (before === undefined) return true;
  const still = (c: Change) => JSON.stringify({ ...c, window: c.window && { ...c.window, seconds_left: 0 } });
  if (still(before) !== still(after)) return true;
  return after.window !== undefined && Math.abs(leftOf(before.window, answeredAt, now) - leftOf(after.window, now, now)) > 1;
}

/** useFollowChange keeps what useChange gives up to date. Once, in the shell. */
export function useFollowChange(): void {
  const client = useQueryClient();
  useEffect(() => {
    const { queryKey } = query.queryOptions('get', '/api/v1/change', {});
    const take = (data: unknown) => {
      const known = client.getQueryState<Change>(queryKey);
      if (isChange(data) && isNews(known?.data, known?.dataUpdatedAt ?? 0, data, Date.now())) client.setQueryData(queryKey, data);
    };
    return stream.follow('change', undefined, { snapshot: take, update: take });
  }, [client]);
}

/** useChange is the state of change control, live. All consoles count down alike, whatever their clocks say. */
export function useChange(): { change: Change | undefined; secondsLeft: number } {
  const { data, dataUpdatedAt } = query.useQuery('get', '/api/v1/change', {}, {
    refetchInterval: (q) => {
      const known = q.state.data;
      if (known?.phase === 'applying') return oftenMs;
      return known?.phase === 'window' && leftOf(known.window, q.state.dataUpdatedAt, Date.now()) <= 1 ? oftenMs : seldomMs;
    },
  });
  useNow(data?.window === undefined ? 60_000 : 250);
  return { change: data, secondsLeft: leftOf(data?.window, dataUpdatedAt, Date.now()) };
}

/** useForgetConfiguration forgets what was read of policies, services, aliases, sets: they are others now. */
export function useForgetConfiguration(): () => void {
  const client = useQueryClient();
  return () => {
    const about = ['/api/v1/change', '/api/v1/policies', '/api/v1/services', '/api/v1/aliases', '/api/v1/sets', '/api/v1/flows'];
    void client.invalidateQueries({ predicate: (q) => typeof q.queryKey[1] === 'string' && about.some((a) => String(q.queryKey[1]).startsWith(a)) });
  };
}

/** WindowActions confirm or revert what is live for a while. */
export function WindowActions({ revision }: { revision: number }) {
  const may = useCan('change.apply');
  const toast = useToast();
  const forget = useForgetConfiguration();
  const said = (text: string) => ({
    onSuccess: () => {
      toast({ title: text, variant: 'success' as const });
      forget();
    },
    onError: (e: unknown) => {
      toast({ title: asProblem(e).title, text: asProblem(e).detail, variant: 'danger' as const });
      forget();
    },
  });
  const confirm = query.useMutation('post', '/api/v1/change/confirm', said(`Revision ${revision} stays`));
  const revert = query.useMutation('post', '/api/v1/change/revert', said(`Revision ${revision} was reverted`));
  if (!may) return null;
  const busy = confirm.isPending || revert.isPending;
  return (
    <Flex gap={{ default: 'gapSm' }}>
      <Button size="sm" isDisabled={busy} isLoading={confirm.isPending} onClick={() => confirm.mutate({ body: { revision } })}>
        Confirm
      </Button>
      <Button size="sm" variant="secondary" isDisabled={busy} isLoading={revert.isPending} onClick={() => revert.mutate({ body: { revision } })}>
        Revert now
      </Button>
    </Flex>
  );
}
