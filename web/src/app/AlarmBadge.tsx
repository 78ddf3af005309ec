import { NotificationBadge } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { query } from '../api/client';
import { useTopic } from '../live';

/** useAlarms is the list of alarms that are there now, asked again whenever the stream says that one changed. */
export function useAlarms() {
  const client = useQueryClient();
  const { at } = useTopic('alarms');
  const all = query.useQuery('get', '/api/v1/alarms', { params: { query: { limit: 500 } } }, { staleTime: 10_000, refetchInterval: 30_000 });
  useEffect(() => {
    if (at !== undefined) void client.invalidateQueries({ queryKey: ['get', '/api/v1/alarms'] }, { cancelRefetch: false }); // a slow answer is better than none
  }, [at, client]);
  const present = all.data?.items.filter((a) => a.state === 'active' || a.state === 'flapping') ?? [];
  return { ...all, present };
}

/** AlarmBadge counts what is wrong and not yet acknowledged. */
export function AlarmBadge() {
  const { present } = useAlarms();
  const [, go] = useLocation();
  const open = present.filter((a) => a.acknowledged === undefined && a.muted === undefined);
  const severe = open.some((a) => a.severity !== 'warning');
  const text = open.length === 0 ? 'No open alarms' : open.length === 1 ? '1 open alarm' : `${open.length} open alarms`;
  return <NotificationBadge variant={open.length === 0 ? 'read' : severe ? 'attention' : 'unread'} count={open.length} aria-label={text} onClick={() => go('/alarms')} />;
}
