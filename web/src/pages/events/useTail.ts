import { useCallback, useEffect, useRef, useState } from 'react';
import { api } from '../../api/client';
import { stream } from '../../live';
import { eventsOf, selects, type Event, type Query } from './filter';
import { keep, Tail } from './tail';

interface Shown {
  items: readonly Event[];
  /** How many came that are not shown, while the list is held. */
  newer: number;
}

interface TailState extends Shown {
  loaded: boolean;
  error: unknown;
  partial: string | undefined;
  again: () => void;
}

/**
 * useTail is the newest events that the filter selects: the head of the log, and what the stream brings. While it is held
 * nothing moves. When the stream was away the head is read again, so that nothing is missing. Without live it is the head only.
 */
export function useTail(q: Query, live: boolean, held: boolean): TailState {
  const key = JSON.stringify([q, live]);
  const [shown, show] = useState<Shown>({ items: [], newer: 0 });
  const [loaded, setLoaded] = useState(false);
  const [error, setError] = useState<unknown>();
  const [partial, setPartial] = useState<string>();
  const [tries, setTries] = useState(0);
  const holding = useRef(held);
  const tail = useRef<Tail>(undefined);
  holding.current = held;

  useEffect(() => {
    let gone = false;
    const mine: Tail = new Tail(() => {
      if (gone) return;
      if (holding.current) show((was) => ({ ...was, newer: mine.come }));
      else {
        mine.come = 0;
        show({ items: mine.items, newer: 0 });
      }
    });
    tail.current = mine;
    show({ items: [], newer: 0 });
    setLoaded(false);
    const head = async () => {
      try {
        const { data } = await api.GET('/api/v1/events', { params: { query: { ...q, limit: keep / 5 } } });
        if (gone || data === undefined) return;
        mine.head(data.items);
        setError(undefined);
        setPartial(data.partial);
        setLoaded(true);
      } catch (e) {
        if (!gone) setError(e);
      }
    };
    void head();
    const take = (data: unknown) => mine.add(eventsOf(data).filter((e) => selects(q, e)));
    let first = true;
    const stop = live
      ? stream.follow('events', q.type === undefined ? {} : { types: q.type }, {
          snapshot(data) {
            take(data);
            if (!first) void head();
            first = false;
          },
          update: take,
        })
      : () => {};
    return () => {
      gone = true;
      stop();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for q and live
  }, [key, tries]);

  // What came while the list was held is there when that ends.
  useEffect(() => {
    const mine = tail.current;
    if (held || mine === undefined) return;
    mine.come = 0;
    show({ items: mine.items, newer: 0 });
  }, [held]);

  return { ...shown, loaded, error, partial, again: useCallback(() => setTries((n) => n + 1), []) };
}
