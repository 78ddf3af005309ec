import { useEffect, useState } from 'react';
import { api } from '../../api/client';
import type { Event, Query } from './filter';

const page = 200;

/**
 * useOlder reads on from the oldest event that is shown. The live list has no cursor, for it moves: the first page is by time,
 * up to the oldest one's millisecond, and what is there twice is left out; from there on by cursor.
 */
export function useOlder(q: Query) {
  const key = JSON.stringify(q);
  const [items, setItems] = useState<readonly Event[]>([]);
  const [at, setAt] = useState<{ until: string; cursor: string | undefined }>();
  const [end, setEnd] = useState(false);
  const [loading, setLoading] = useState(false);
  const [error, setError] = useState<unknown>();
  const clear = () => {
    setItems([]);
    setAt(undefined);
    setEnd(false);
    setError(undefined);
  };
  // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for q
  useEffect(clear, [key]);
  const load = async (oldest: Event) => {
    const until = at?.until ?? new Date(Date.parse(oldest.at) + 1).toISOString();
    setLoading(true);
    setError(undefined);
    try {
      const { data } = await api.GET('/api/v1/events', { params: { query: { ...q, until, limit: page, ...(at?.cursor === undefined ? {} : { cursor: at.cursor }) } } });
      if (data === undefined) return;
      setItems((were) => [...were, ...data.items.filter((e) => e.number < (were.at(-1)?.number ?? oldest.number))]);
      setAt({ until, cursor: data.next_cursor });
      setEnd(data.next_cursor === undefined);
    } catch (e) {
      setError(e);
    } finally {
      setLoading(false);
    }
  };
  return { items, end, loading, error, load, clear };
}
