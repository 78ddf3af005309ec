/**
 * When nobody is there. The console asks for things by itself, so to the appliance its session is always in use; who walks away
 * must be signed out by the console. Activity in one tab counts for all tabs of the browser: they share the session.
 */

/** As long as the appliance keeps a session that nobody uses (sessionIdle in mgmt/auth/limits.go). This is the one place. */
export const idleMinutes = 30;
export const idleMs = idleMinutes * 60_000;
/** The last part of it, in which a dialog asks. */
export const warnMs = 60_000;
/** Activity is told to other tabs no more often than this. */
const tellMs = 5_000;

/** Where tabs tell each other of the last activity, in milliseconds since 1970: they have one clock. */
export interface IdleStore {
  read(): number | undefined;
  write(at: number): void;
}

export class IdleClock {
  private last: number;
  private told = -Infinity;

  constructor(
    private readonly store: IdleStore,
    private readonly now: () => number = Date.now,
  ) {
    this.last = this.now();
    this.touch();
  }

  /** touch: somebody is there. */
  touch(): void {
    this.last = this.now();
    // A clock that was set back must not silence this tab until it is late again.
    if (this.last - this.told < tellMs && this.last >= this.told) return;
    this.told = this.last;
    this.store.write(this.last);
  }

  /** left is how long there is until the session is ended, in milliseconds; 0 when that time has come. */
  left(): number {
    const now = this.now();
    const others = this.store.read() ?? 0;
    // What lies in the future is from before a clock was set back: it counts as now, and from now on.
    if (this.last > now) this.last = now;
    const latest = Math.max(this.last, others > now ? this.last : others);
    return Math.max(0, latest + idleMs - now);
  }
}

const key = 'fcr.active';

/** tabs is the browser's own store; where it may not be used each tab is on its own. */
export const tabs: IdleStore = {
  read() {
    try {
      const at = Number(localStorage.getItem(key) ?? NaN);
      return Number.isFinite(at) ? at : undefined;
    } catch {
      return undefined;
    }
  },
  write(at) {
    try {
      localStorage.setItem(key, String(at));
    } catch {
      // Each tab on its own, then.
    }
  },
};
