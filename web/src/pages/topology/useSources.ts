import { useMemo } from 'react';
import { query, type Schema } from '../../api/client';
import { useLiveList, useSample, type LiveList } from '../../live';
import type { Sources } from '../../topology/model';

/** So many flows are shown at most: the heaviest. */
export const mostFlows = 500;
const order = '-byte_rate';
const idOf = (f: Schema['Flow']) => f.id;
const slowMs = 5_000;

export interface Found {
  sources: Sources | undefined;
  live: LiveList<Schema['Flow']>;
  error: unknown;
  again: () => void;
}

/**
 * useSources is what the topology is made of. Flows, links and services are live; logins and ports change seldom and are asked
 * for again and again. Until the stream has flows, and while it has none, the list of flows is asked for instead.
 */
export function useSources(text: string): Found {
  const live = useLiveList<Schema['Flow']>('flows', { sort: order, limit: mostFlows, ...(text === '' ? {} : { filter: { text } }) }, idOf);
  const streamed = live.data !== undefined && !live.stale;
  const asked = query.useQuery(
    'get',
    '/api/v1/flows',
    { params: { query: { sort: order, limit: mostFlows, ...(text === '' ? {} : { text }) } } },
    { enabled: !streamed, refetchInterval: streamed ? false : slowMs, placeholderData: (before) => before },
  );
  const logins = query.useQuery('get', '/api/v1/logins', { params: { query: { limit: 1000 } } }, { refetchInterval: slowMs });
  const ports = query.useQuery('get', '/api/v1/ports', { params: { query: { limit: 500 } } }, { refetchInterval: slowMs });
  const services = query.useQuery('get', '/api/v1/services', { params: { query: { limit: 1000, on: 'active' } } }, { refetchInterval: slowMs });
  const sample = useSample();

  const flows = streamed ? live.data : (asked.data?.items ?? live.data);
  const total = streamed ? live.total : (asked.data?.total ?? live.total);
  const sources = useMemo<Sources | undefined>(() => {
    if (flows === undefined || (logins.isPending && ports.isPending)) return undefined;
    // Who is searched for is not lost among those who are logged in and have no such flows.
    const ends = text === '' ? undefined : new Set(flows.flatMap((f) => [f.initiator, f.target]));
    return {
      flows,
      total,
      logins: (logins.data?.items ?? []).filter((l) => ends === undefined || ends.has(l.wwpn)),
      ports: ports.data?.items ?? [],
      services: services.data?.items ?? [],
      portsNow: new Map(sample?.ports.map((p) => [p.name, { up: p.up, rate: p.rates === undefined ? undefined : p.rates.bytes_in + p.rates.bytes_out }])),
      servicesNow: new Map(sample?.services.map((s) => [s.name, s.up])),
    };
  }, [flows, total, text, logins.data, logins.isPending, ports.data, ports.isPending, services.data, sample]);
  const failed = [asked, logins, ports, services].find((q) => q.error !== null);
  return { sources, live, error: failed?.error ?? null, again: () => void failed?.refetch() };
}
