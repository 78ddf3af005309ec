import { hashKey } from '@tanstack/react-query';
import { useCallback, useDeferredValue, useMemo, useRef, useState, type FocusEvent, type PointerEvent } from 'react';
import { query } from '../../api/client';
import { useLiveList } from '../../live';
import { toStream, type FlowQuery } from './filter';
import { Arranger, comparing, joined, type Flow, type FlowRow } from './order';

/** A page, and how many are live: what the appliance's stream gives at most. */
export const pageSize = 500;

/** Without the stream the first page is asked for anew so often. */
const pollMs = 5_000;

const idOf = (f: Flow) => f.id;

/** useHold says whether rows must keep their places: a mouse points at them, or the keyboard is among them. */
export function useHold() {
  const [pointed, point] = useState(false);
  const [focused, focus] = useState(false);
  const handlers = {
    onPointerEnter: (e: PointerEvent) => e.pointerType === 'mouse' && point(true),
    onPointerLeave: () => point(false),
    onFocus: (e: FocusEvent) => focus(e.target.matches(':focus-visible')),
    onBlur: () => focus(false),
  };
  return { hold: pointed || focused, handlers };
}

/**
 * useFlows is the list for a filter in an order: the first page live, what was loaded behind it as of then. While paused
 * nothing changes. Use it in a component with a key of filter and order.
 */
export function useFlows(q: FlowQuery, sort: string, paused: boolean, hold: boolean) {
  // Deferred: drawing rows gives way to what somebody does meanwhile.
  const live = useDeferredValue(useLiveList<Flow>('flows', { filter: toStream(q), sort, limit: pageSize }, idOf, paused));
  const pages = query.useInfiniteQuery(
    'get',
    '/api/v1/flows',
    { params: { query: { ...q, sort, limit: pageSize } } },
    {
      pageParamName: 'cursor',
      initialPageParam: undefined,
      getNextPageParam: (last: { next_cursor?: string }) => last.next_cursor,
      staleTime: Infinity,
      gcTime: 0,
      // The topology asks for the same without pages: what it keeps is of another shape.
      queryKeyHashFn: (key) => `${hashKey(key)} in pages`,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      refetchInterval: (asked) => (!paused && live.stale && (asked.state.data?.pages.length ?? 0) < 2 ? pollMs : false),
    },
  );
  const loaded = pages.data?.pages;
  const first = (live.stale && pages.dataUpdatedAt > (live.at ?? 0) ? undefined : live.data) ?? loaded?.[0]?.items;
  const flows = useMemo(() => (first === undefined ? undefined : joined(first, (loaded ?? []).slice(1).map((p) => p.items))), [first, loaded]);

  const authority = loaded?.[0]?.items;
  const compare = useMemo(() => comparing(sort, authority ?? []), [sort, authority]);
  const arranger = useRef(new Arranger());
  const rows: readonly FlowRow[] | undefined = useMemo(() => (flows === undefined ? undefined : arranger.current.take(flows, compare, hold)), [flows, compare, hold]);

  const { fetchNextPage } = pages;
  const load = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  return {
    rows,
    total: live.total ?? loaded?.[0]?.total,
    error: live.data === undefined || live.stale ? pages.error : null,
    again: () => void pages.refetch(),
    more: { has: pages.hasNextPage, loading: pages.isFetchingNextPage, load },
    at: live.at ?? (pages.dataUpdatedAt === 0 ? undefined : pages.dataUpdatedAt),
    stale: live.data !== undefined && live.stale,
    pagesLoaded: loaded?.length ?? 0,
  };
}
