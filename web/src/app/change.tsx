import { Button, Flex } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { query, type Schema } from '../api/client';
import { asProblem } from '../api/problem';
import { useNow, useTopic } from '../live';
import { useToast } from '../components/Toasts';
import { useCan } from './session';

const key = ['get', '/api/v1/change'];

/**
 * useChange is the state of change control, live. secondsLeft counts down between what the stream says, by the appliance's
 * clock, so that all consoles agree.
 */
export function useChange(): { change: Schema['Change'] | undefined; secondsLeft: number } {
  const client = useQueryClient();
  const { at } = useTopic('change');
  const { data } = query.useQuery('get', '/api/v1/change', {}, { refetchInterval: 30_000 });
  const now = useNow(data?.window === undefined ? 60_000 : 250);
  useEffect(() => {
    if (at !== undefined) void client.invalidateQueries({ queryKey: key });
  }, [at, client]);
  const deadline = data?.window === undefined ? 0 : Date.parse(data.window.deadline);
  return { change: data, secondsLeft: Math.max(0, Math.ceil((deadline - now) / 1000)) };
}

/** useConfiguration forgets what was read of policies, services, aliases, sets: they are others now. */
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
