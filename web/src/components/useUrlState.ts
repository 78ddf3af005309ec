import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

export type View = Record<string, string>;

/** viewOf reads a view's state from a query string: what is not there has its usual value. */
export function viewOf<K extends string>(search: string, usual: Record<K, string>): Record<K, string> {
  const q = new URLSearchParams(search);
  const out = { ...usual };
  for (const k in usual) out[k] = q.get(k) ?? usual[k];
  return out;
}

/** searchAfter is the query string after a change: what has its usual value is not there, and what is not of this view stays. */
export function searchAfter<K extends string>(search: string, change: Partial<Record<K, string>>, usual: Record<K, string>): string {
  const q = new URLSearchParams(search);
  for (const k in change) {
    const v = change[k];
    if (v === undefined || v === usual[k]) q.delete(k);
    else q.set(k, v);
  }
  return q.toString();
}

/**
 * useUrlState keeps a view's state in the query string: what is not there has its usual value, and what has its usual value is
 * not there. Changes replace the history's entry, unless push says that Back should undo them (a drawer that opens).
 */
export function useUrlState<K extends string>(usual: Record<K, string>): [Record<K, string>, (change: Partial<Record<K, string>>, push?: boolean) => void] {
  const text = useSearch();
  const [path, go] = useLocation();
  const key = JSON.stringify(usual);
  const state = useMemo(() => {
    // text is decoded already, so it only says that something changed: to decode twice makes & of %26.
    return viewOf(location.search, usual);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for usual
  }, [text, key]);
  const set = useCallback(
    (change: Partial<Record<K, string>>, push = false) => {
      const next = searchAfter(location.search, change, usual);
      go(next === '' ? path : `${path}?${next}`, { replace: !push });
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for usual
    [path, go, key],
  );
  return [state, set];
}
