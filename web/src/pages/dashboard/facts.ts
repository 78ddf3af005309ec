import { useMemo } from 'react';
import { query, type Schema } from '../../api/client';
import { useAlarms } from '../../app/AlarmBadge';
import { useChange } from '../../app/change';
import { useSample, useStreamStatus, type LiveSample } from '../../live';
import { verdict, type Facts, type Verdict } from './state';

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

function servicesOf(services: readonly Schema['ServiceItem'][] | undefined, live: LiveSample | undefined): Facts['services'] {
  return services?.map((s) => ({
    name: s.name ?? '',
    up: live?.services.find((l) => l.name === s.name)?.up ?? s.state !== 'down',
    onFailure: s.on_failure ?? 'bypass',
    used: (s.used_by ?? []).length > 0 && s.drained !== true,
  }));
}

/** useVerdict is the state of the appliance, now. */
export function useVerdict(): Verdict {
  const sample = useSample();
  const status = useStreamStatus();
  const alarms = useAlarms();
  const { change, secondsLeft } = useChange();
  const ports = usePorts().data?.items;
  const services = useServices().data?.items;
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
        services: servicesOf(services, sample),
        alarms: alarms.data === undefined ? undefined : alarms.present,
        trial: revision === undefined ? undefined : { revision, secondsLeft },
        drift: change?.drift !== undefined,
        peers: peers?.map((p) => ({ name: p.name, partner: p.partner, away: p.state === 'away' })),
        flows,
        redirected,
      }),
    [connected, change, sample, ports, services, alarms.data, alarms.present, revision, secondsLeft, peers, flows, redirected],
  );
}
