import { useMemo } from 'react';
import { query, type Schema } from '../../api/client';
import { useAlarms } from '../../app/AlarmBadge';
import { useChange } from '../../app/change';
import { useSample, useStreamStatus, type LiveSample } from '../../live';
import { effectsOf, verdict, type Facts, type Verdict } from './state';

/** How often is asked what the stream has not. */
const askMs = 10_000;

export const usePorts = () => query.useQuery('get', '/api/v1/ports', { params: { query: { limit: 500 } } }, { refetchInterval: askMs });
export const useServices = () => query.useQuery('get', '/api/v1/services', { params: { query: { limit: 500, on: 'active' } } }, { refetchInterval: askMs });
export const usePeers = () => query.useQuery('get', '/api/v1/peers', { params: { query: { limit: 500 } } }, { refetchInterval: 5_000 });

/** useFlowCounts counts flows, and those that are redirected. */
function useFlowCounts() {
  const all = query.useQuery('get', '/api/v1/flows', { params: { query: { limit: 1 } } }, { refetchInterval: askMs });
  const redirected = query.useQuery('get', '/api/v1/flows', { params: { query: { limit: 1, verdict: ['redirect'], state: ['active'] } } }, { refetchInterval: askMs });
  return { flows: all.data?.total, redirected: redirected.data?.total };
}

/** portsOf takes roles from what was asked and links from what is live, which is newer. */
function portsOf(ports: readonly Schema['Port'][] | undefined, live: LiveSample | undefined): Facts['ports'] {
  return ports?.map((p) => ({ name: p.name, role: p.role, up: live?.ports.find((l) => l.name === p.name)?.up ?? p.up, pair: p.pair }));
}

const isUp = (s: Schema['ServiceItem'], live: LiveSample | undefined) => live?.services.find((l) => l.name === s.name)?.up ?? s.state !== 'down';
const isUsed = (s: Schema['ServiceItem']) => (s.used_by ?? []).length > 0 && s.drained !== true;

/** useRedirects is the policies that say what becomes of flows, while a service is down that should see them. Undefined: not all are known. */
function useRedirects(services: readonly Schema['ServiceItem'][] | undefined, live: LiveSample | undefined) {
  const enabled = services?.some((s) => s.mode === 'steer' && isUsed(s) && !isUp(s, live)) ?? false;
  const { data } = query.useQuery('get', '/api/v1/policies', { params: { query: { limit: 1000, on: 'active', action: 'redirect', disabled: 'false' } } }, { enabled, refetchInterval: askMs });
  return data?.next_cursor === undefined ? data?.items : undefined;
}

/** useVerdict is the state of the appliance, now. */
export function useVerdict(): Verdict {
  const sample = useSample();
  const status = useStreamStatus();
  const alarms = useAlarms();
  const { change, secondsLeft } = useChange();
  const ports = usePorts().data?.items;
  const services = useServices().data?.items;
  const redirects = useRedirects(services, sample);
  const peers = usePeers().data?.items;
  const { flows, redirected } = useFlowCounts();
  const connected = status.state === 'live' || status.tries < 2;
  const revision = change?.window?.revision;
  return useMemo(
    () =>
      verdict({
        connected,
        alive: change?.dataplane === false ? false : (sample?.alive ?? change?.dataplane),
        ports: portsOf(ports, sample),
        services: services?.map((s) => ({ name: s.name ?? '', up: isUp(s, sample), used: isUsed(s), effects: effectsOf(s, redirects) })),
        alarms: alarms.data === undefined ? undefined : alarms.present,
        trial: revision === undefined ? undefined : { revision, secondsLeft },
        drift: change?.drift !== undefined,
        peers: peers?.map((p) => ({ name: p.name, partner: p.partner, away: p.state === 'away' })),
        flows,
        redirected,
      }),
    [connected, change, sample, ports, services, redirects, alarms.data, alarms.present, revision, secondsLeft, peers, flows, redirected],
  );
}
