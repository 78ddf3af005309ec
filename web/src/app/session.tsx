import { useQueryClient } from '@tanstack/react-query';
import { createContext, lazy, Suspense, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { api, onUnauthorized, query, sessionBegan, type Schema } from '../api/client';
import { asProblem, type ApiError } from '../api/problem';
import { followSamples, onTold, stream } from '../live';

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

/** sessionIsOf tells the other tabs that somebody signed in: those that ask for the password of the same one go on. */
export const sessionIsOf = (name: string): void => tabs.postMessage(name);

/** How long it is tried to end a session; then it is tried again when the page is loaded. */
const leavePauses = [0, 500, 1_000, 2_000, 4_000];
const endingKey = 'fcr.ending';

function mark(key: string, text: string | undefined): void {
  try {
    if (text === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  } catch {
    // Storage may be forbidden.
  }
}

/** endSession is true when the appliance says that the session has ended. */
async function endSession(): Promise<boolean> {
  for (const pause of leavePauses) {
    await new Promise((done) => setTimeout(done, pause));
    try {
      await api.DELETE('/api/v1/sessions/{id}', { params: { path: { id: 'current' } } });
      return true;
    } catch (e) {
      if (asProblem(e).status === 401) return true;
    }
  }
  return false;
}

let leaving = false;
const leavers = new Set<() => void>();

/**
 * leave ends the session: what it showed goes from the screen at once, in all tabs. An appliance that does not answer is asked
 * again, also by the page as it is loaded next: until then there is no way in past the door.
 */
async function leave(to: () => void): Promise<void> {
  leaving = true;
  leavers.forEach((tell) => tell());
  stream.allow(false);
  mark(endingKey, 'yes');
  if (await endSession()) mark(endingKey, undefined);
  tabs.postMessage(ended);
  to();
}

function wasLeaving(): boolean {
  try {
    return sessionStorage.getItem(endingKey) !== null;
  } catch {
    return false;
  }
}

/** useLeaving is true from the moment that somebody leaves until the appliance knows. */
function useLeaving(): boolean {
  const [is, set] = useState(() => leaving || wasLeaving());
  useEffect(() => {
    const tell = () => set(true);
    leavers.add(tell);
    if (wasLeaving() && !leaving) void leave(() => location.reload());
    return () => {
      leavers.delete(tell);
    };
  }, []);
  return is;
}

/** leaveIdle keeps the address: after signing in that page is shown again. */
function leaveIdle(): void {
  if (leaving) return;
  mark(leftKey, 'idle');
  void leave(() => location.reload());
}

/** SessionProvider asks who is signed in, and renders children with the answer. */
export function SessionProvider({ children }: { children: (gate: Gate) => ReactNode }) {
  const client = useQueryClient();
  const [lost, setLost] = useState(false);
  const going = useLeaving();
  const me = query.useQuery('get', '/api/v1/me', {}, { retry: (n, e) => !isNobody(e) && n < 3, staleTime: 30_000, enabled: !going });
  const out = me.data === undefined && isNobody(me.error);
  const setup = query.useQuery('get', '/api/v1/setup', {}, { enabled: out, staleTime: 0 });

  useEffect(() => {
    const lose = () => {
      stream.allow(false);
      setLost(true);
    };
    const told = (what: string) => (what === 'signed-out' ? lose() : void client.invalidateQueries({ queryKey: ['get', '/api/v1/me'] }));
    const offs = [onUnauthorized(lose), onTold(told)];
    return () => offs.forEach((off) => off());
  }, [client]);

  const again = useCallback(() => {
    sessionBegan();
    setLost(false);
    void client.invalidateQueries();
    stream.allow(true);
  }, [client]);

  const present = me.data;
  const name = useRef<string>(undefined);
  if (!lost) name.current = present?.name;
  useEffect(() => {
    const hear = (e: MessageEvent<unknown>) => {
      if (name.current === undefined) return;
      // Somebody left, or somebody else came: what is shown here is not theirs.
      if (e.data !== name.current) location.reload();
      else again();
    };
    tabs.addEventListener('message', hear);
    return () => tabs.removeEventListener('message', hear);
  }, [again]);

  useEffect(() => {
    if (present === undefined) return undefined;
    stream.allow(true);
    return followSamples();
  }, [present?.name, present === undefined]);

  const permissions = present?.permissions.join(' ');
  useEffect(() => stream.askRefused(), [permissions]);

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
  if (going) gate = { state: 'asking' };
  else if (session !== undefined) gate = { state: 'in', lost, again };
  else if (out && setup.data !== undefined) gate = { state: 'out', installed: setup.data.installed, again };
  else if (me.isError && !out) gate = { state: 'failed', problem: asProblem(me.error), again: () => void me.refetch() };
  return (
    <Context.Provider value={session}>
      {children(gate)}
      {session !== undefined && !going && (
        <Suspense fallback={null}>
          <Idle quiet={lost} onOver={leaveIdle} />
        </Suspense>
      )}
    </Context.Provider>
  );
}
