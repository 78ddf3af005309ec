import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

export type View = Record<string, string>;

/**
 * useUrlState keeps a view's state in the query string: what is not there has its usual value, and what has its usual value is
 * not there. Changes replace the history's entry, unless push says that Back should undo them (a drawer that opens).
 */
export function useUrlState<K extends string>(usual: Record<K, string>): [Record<K, string>, (change: Partial<Record<K, string>>, push?: boolean) => void] {
  const text = useSearch();
  const [path, go] = useLocation();
  const key = JSON.stringify(usual);
  const state = useMemo(() => {
    const q = new URLSearchParams(text);
    const out = { ...usual };
    for (const k in usual) out[k] = q.get(k) ?? usual[k];
    return out;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for usual
  }, [text, key]);
  const set = useCallback(
    (change: Partial<Record<K, string>>, push = false) => {
      const q = new URLSearchParams(location.search);
      for (const k in change) {
        const v = change[k];
        if (v === undefined || v === usual[k]) q.delete(k);
        else q.set(k, v);
      }
      const next = q.toString();
      go(next === '' ? path : `${path}?${next}`, { replace: !push });
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for usual
    [path, go, key],
  );
  return [state, set];
}
