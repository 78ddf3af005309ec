import { useState } from 'react';
import { asProblem } from '../../api/problem';

/** What somebody else made of it meanwhile; nothing: they deleted it. */
export interface Conflict<T> {
  theirs: T | undefined;
}

/**
 * useSaving saves a versioned object. Where somebody changed it meanwhile (412), what is there now is read, so that one can
 * decide; what was typed stays.
 */
export function useSaving<T>(load: () => Promise<T | undefined>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [conflict, setConflict] = useState<Conflict<T>>();
  const save = async (work: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setError(undefined);
    setConflict(undefined);
    try {
      await work();
      return true;
    } catch (e) {
      if (asProblem(e).status !== 412) setError(e);
      else await load().then((theirs) => setConflict({ theirs }), setError);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, conflict, save };
}

/** orNothing is what a read gives, or nothing where there is nothing. */
export async function orNothing<T>(read: Promise<{ data?: T }>): Promise<T | undefined> {
  try {
    return (await read).data;
  } catch (e) {
    if (asProblem(e).status === 404) return undefined;
    throw e;
  }
}
