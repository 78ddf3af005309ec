import { useQueryClient } from '@tanstack/react-query';
import { createContext, lazy, Suspense, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { api, onUnauthorized, query, type Schema } from '../api/client';
import { asProblem, type ApiError } from '../api/problem';
import { followSamples, onSignedOut, stream } from '../live';

const Idle = lazy(() => import('./Idle'));

/**
 * Who is signed in. A session that ends while somebody works does not take the page away: what was typed stays, a dialog asks
 * for the password again, and everything goes on.
 */
export interface Session {
  me: Schema['Me'];
  /** can says whether the account may; what it may not is not offered. */
  can: (permission: string) => boolean;
  signOut: () => Promise<void>;
}

const Context = createContext<Session | undefined>(undefined);

/** useSession is for what stands inside the shell: somebody is signed in there. */
export function useSession(): Session {
  const session = useContext(Context);
  if (session === undefined) throw new Error('useSession outside of a session');
  return session;
}

/** useSignedIn is for what may stand outside of the shell too: undefined while nobody is signed in. */
export const useSignedIn = (): Session | undefined => useContext(Context);

/** useCan is the usual question. */
export const useCan = (permission: string): boolean => useSession().can(permission);

export type Gate =
  | { state: 'asking' }
  | { state: 'out'; installed: boolean; again: () => void }
  | { state: 'failed'; problem: ApiError; again: () => void }
  | { state: 'in'; lost: boolean; again: () => void };

/** isNobody: nobody is signed in, or nobody can be since there is no account yet. */
function isNobody(error: unknown): boolean {
  const { status, code } = asProblem(error);
  return status === 401 || code === 'not_installed';
}

/** Tabs share the session, so they tell each other of its end: what is on the screen goes from all of them. */
const tabs = new BroadcastChannel('fcr.session');
const ended = 'ended';

const leftKey = 'fcr.left';

/** leftIdle says, once, whether it was the console that signed out, because nobody was there. */
export function leftIdle(): boolean {
  try {
    const was = sessionStorage.getItem(leftKey) !== null;
    sessionStorage.removeItem(leftKey);
    return was;
  } catch {
    return false;
  }
}

/** leave ends the session. Whether or not the appliance answers, nothing of it stays on the screen, in no tab. */
async function leave(to: () => void): Promise<void> {
  stream.allow(false);
  try {
    await api.DELETE('/api/v1/sessions/{id}', { params: { path: { id: 'current' } } });
  } catch {
    // It had ended already, or ends by itself; there is nobody who could do anything about it here.
  }
  tabs.postMessage(ended);
  to();
}

let leaving = false;

/** leaveIdle keeps the address: after signing in that page is shown again. */
function leaveIdle(): void {
  if (leaving) return;
  leaving = true;
  try {
    sessionStorage.setItem(leftKey, 'idle');
  } catch {
    // The door does not say why, then.
  }
  void leave(() => location.reload());
}

/** SessionProvider asks who is signed in, and renders children with the answer. */
export function SessionProvider({ children }: { children: (gate: Gate) => ReactNode }) {
  const client = useQueryClient();
  const [lost, setLost] = useState(false);
  const me = query.useQuery('get', '/api/v1/me', {}, { retry: (n, e) => !isNobody(e) && n < 3, staleTime: 30_000 });
  const out = me.data === undefined && isNobody(me.error);
  const setup = query.useQuery('get', '/api/v1/setup', {}, { enabled: out, staleTime: 0 });

  useEffect(() => {
    const lose = () => {
      stream.allow(false);
      setLost(true);
    };
    const offs = [onUnauthorized(lose), onSignedOut(lose)];
    return () => offs.forEach((off) => off());
  }, []);

  const signedIn = me.data !== undefined;
  useEffect(() => {
    if (!signedIn) return undefined;
    const end = (e: MessageEvent<unknown>) => {
      if (e.data === ended) location.reload();
    };
    tabs.addEventListener('message', end);
    return () => tabs.removeEventListener('message', end);
  }, [signedIn]);

  const again = useCallback(() => {
    setLost(false);
    void client.invalidateQueries();
    stream.allow(true);
  }, [client]);

  const present = me.data;
  useEffect(() => {
    if (present === undefined) return undefined;
    stream.allow(true);
    return followSamples();
  }, [present?.name, present === undefined]);

  const session = useMemo<Session | undefined>(() => {
    if (present === undefined) return undefined;
    const has = new Set(present.permissions);
    return {
      me: present,
      can: (permission) => has.has(permission),
      // The next one may be somebody else: the page begins anew, and not where this one was.
      signOut: () => leave(() => location.assign('/')),
    };
  }, [present]);

  let gate: Gate = { state: 'asking' };
  if (session !== undefined) gate = { state: 'in', lost, again };
  else if (out && setup.data !== undefined) gate = { state: 'out', installed: setup.data.installed, again };
  else if (me.isError && !out) gate = { state: 'failed', problem: asProblem(me.error), again: () => void me.refetch() };
  return (
    <Context.Provider value={session}>
      {children(gate)}
      {session !== undefined && (
        <Suspense fallback={null}>
          <Idle quiet={lost} onOver={leaveIdle} />
        </Suspense>
      )}
    </Context.Provider>
  );
}
