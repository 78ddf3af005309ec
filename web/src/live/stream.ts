import { observeServerTime } from './clock';
import { isMessage, type Message, type StreamProblem } from './message';

/**
 * The one WebSocket of the console. Subscriptions outlive connections: whoever follows a topic gets a snapshot again after
 * each reconnect, without doing anything. The same topic with the same parameters is followed once, however many look.
 *
 * States: connecting → live → waiting (until the next try) → connecting …; paused while nobody is signed in or nobody follows
 * anything (the appliance puts those out who follow nothing).
 */
type StreamState = 'paused' | 'connecting' | 'live' | 'waiting';

/** Status is what the banner shows. since is when the stream was last live, or first missed. */
export interface Status {
  state: StreamState;
  since: number;
  tries: number;
}

export interface Follower {
  /** snapshot: forget what was there. */
  snapshot(data: unknown, at: number): void;
  update(data: unknown, at: number): void;
  /** There is nothing now; a snapshot follows when there is. What was refused is asked for again after a while. */
  unavailable?(problem: StreamProblem): void;
  /** lost: the connection is gone; what is shown is old from now on. */
  lost?(): void;
}

interface Subscription {
  id: string;
  topic: string;
  params: unknown;
  followers: Set<Follower>;
  /** The number of the message that came last. */
  n: number;
  /** It is asked for at the end of this task. */
  due: boolean;
  /** The connection on which it is subscribed. */
  on?: WebSocket;
  /** How often in a row it was refused, and what asks again. */
  refusals: number;
  again?: ReturnType<typeof setTimeout>;
}

/** The way to a socket, so that tests can play the appliance. */
type Dial = (url: string, protocol: string) => WebSocket;

const protocol = 'fcr.v1';
/** Why the appliance ends a connection (mgmt/hub/hub.go). */
const signedOutCode = 4401;
const roleChangedCode = 4403;
const idleCode = 4408;
const firstPauseMs = 500;
const longestPauseMs = 10_000;
/** After so long without a message the appliance is asked for an answer; after as long again the connection is taken for dead. */
const silenceMs = 5_000;
/** What is refused may be granted later: there is room again, or the account may more. */
const firstRefusalMs = 10_000;
const longestRefusalMs = 60_000;
/** A page that is left and one that comes often follow the same: the subscription is kept for so long. */
const lingerMs = 2_000;

export class Stream {
  private socket: WebSocket | undefined;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly byId = new Map<string, Subscription>();
  private readonly watchers = new Set<() => void>();
  private status_: Status = { state: 'paused', since: Date.now(), tries: 0 };
  private allowed = false;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private nextId = 1;

  constructor(
    private readonly url: string,
    private readonly dial: Dial = (to, as) => new WebSocket(to, as),
    private readonly told: (what: 'signed-out' | 'role-changed') => void = () => {},
  ) {}

  /** status is the same object until something changes, as useSyncExternalStore wants it. */
  readonly status = (): Status => this.status_;

  readonly watch = (tell: () => void): (() => void) => {
    this.watchers.add(tell);
    return () => this.watchers.delete(tell);
  };

  /** allow begins or ends to connect, with the session. */
  allow(yes: boolean): void {
    if (this.allowed === yes) return;
    this.allowed = yes;
    if (yes) this.connect();
    else this.close('paused');
  }

  /** reconnect tries now rather than after the pause. */
  reconnect(): void {
    if (this.status_.state === 'waiting') this.connect();
  }

  /** askRefused asks at once for what was refused: the account may more than it could. */
  askRefused(): void {
    for (const sub of this.subscriptions.values()) {
      if (sub.refusals === 0) continue;
      this.calm(sub);
      this.ask(sub);
    }
  }

  /** follow subscribes; what it returns ends that. */
  follow(topic: string, params: unknown, follower: Follower): () => void {
    const key = topic + ' ' + JSON.stringify(params ?? {});
    let sub = this.subscriptions.get(key);
    if (sub === undefined) {
      sub = { id: String(this.nextId++), topic, params, followers: new Set(), n: 0, due: false, refusals: 0 };
      this.subscriptions.set(key, sub);
      this.byId.set(sub.id, sub);
    }
    sub.followers.add(follower);
    this.ask(sub);
    if (this.status_.state === 'paused' && this.allowed) this.connect();
    const mine = sub;
    return () => {
      mine.followers.delete(follower);
      setTimeout(() => {
        if (mine.followers.size > 0 || this.subscriptions.get(key) !== mine) return;
        this.subscriptions.delete(key);
        this.byId.delete(mine.id);
        this.calm(mine);
        this.unsay(mine.id);
      }, lingerMs);
    };
  }

  /**
   * ask subscribes at the end of this task, once for all who follow by then: a page has many who look at the same. Was it
   * subscribed before, its snapshot has gone by, so another one is asked for under a new name, for all who follow.
   */
  private ask(sub: Subscription): void {
    if (sub.due) return;
    sub.due = true;
    queueMicrotask(() => {
      sub.due = false;
      if (this.status_.state !== 'live' || this.byId.get(sub.id) !== sub) return; // hello asks, or nobody follows any more
      if (sub.on === this.socket) this.unsay(sub.id);
      this.byId.delete(sub.id);
      sub.id = String(this.nextId++);
      this.byId.set(sub.id, sub);
      this.say(sub);
    });
  }

  /** refused asks again later, ever more seldom. */
  private refused(sub: Subscription): void {
    clearTimeout(sub.again);
    sub.on = undefined;
    const pause = Math.min(longestRefusalMs, firstRefusalMs * 2 ** Math.min(sub.refusals, 6));
    sub.refusals++;
    sub.again = setTimeout(() => this.ask(sub), pause);
  }

  /** calm forgets that it was refused. */
  private calm(sub: Subscription): void {
    clearTimeout(sub.again);
    sub.refusals = 0;
  }

  private connect(): void {
    clearTimeout(this.retry);
    if (!this.allowed || this.socket !== undefined) return;
    this.become('connecting');
    let socket: WebSocket;
    try {
      socket = this.dial(this.url, protocol);
    } catch {
      this.later();
      return;
    }
    this.socket = socket;
    this.hear();
    socket.onmessage = (e) => this.take(socket, e.data);
    socket.onclose = (e) => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.lose(e.code);
    };
  }

  /** lose is what happens when the connection has ended, however it did. */
  private lose(code: number): void {
    this.lost();
    if (code === signedOutCode) {
      this.become('paused');
      this.allowed = false;
      this.told('signed-out');
      return;
    }
    if (code === idleCode && this.subscriptions.size === 0) {
      this.become('paused');
      return;
    }
    if (code === roleChangedCode) this.told('role-changed');
    this.later();
  }

  private later(): void {
    if (!this.allowed) return;
    const tries = this.status_.tries + 1;
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(tries - 1, 6));
    this.become('waiting', tries);
    // Half of it is chance: a thousand consoles do not come back at once.
    this.retry = setTimeout(() => this.connect(), pause / 2 + Math.random() * (pause / 2));
  }

  private close(state: StreamState): void {
    clearTimeout(this.retry);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close(1000);
    this.lost();
    this.become(state);
  }

  /** lost tells all who follow. The next connection asks for everything, also for what was refused. */
  private lost(): void {
    clearTimeout(this.silence);
    for (const sub of this.subscriptions.values()) {
      this.calm(sub);
      for (const f of sub.followers) f.lost?.();
    }
  }

  private become(state: StreamState, tries = this.status_.tries): void {
    const was = this.status_;
    if (state === 'live' || state === 'paused') tries = 0;
    if (was.state === state && was.tries === tries) return;
    const since = state === 'live' || was.state === 'live' || state === 'paused' ? Date.now() : was.since;
    this.status_ = { state, since, tries };
    this.watchers.forEach((tell) => tell());
  }

  private hear(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      // Browsers show no pings: the end of a subscription that there is not is refused, and that is an answer.
      this.unsay('are-you-there');
      this.silence = setTimeout(() => this.dead(), silenceMs);
    }, silenceMs);
  }

  private dead(): void {
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
    this.lose(1006);
  }

  private take(socket: WebSocket, text: unknown): void {
    if (this.socket !== socket || typeof text !== 'string') return;
    this.hear();
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return; // what cannot be read is left out: the number of what follows shows that it is missing
    }
    if (!isMessage(message)) return;
    if (message.kind === 'hello') {
      // Of all messages this one is of now; snapshots have the time at which their state became what it is.
      observeServerTime(Date.parse(message.at));
      this.become('live');
      for (const sub of this.subscriptions.values()) this.say(sub);
      return;
    }
    this.deliver(message);
  }

  private deliver(m: Message): void {
    const sub = m.id === undefined ? undefined : this.byId.get(m.id);
    if (sub === undefined) return;
    const missing = m.n !== undefined && m.n !== sub.n + 1;
    sub.n = m.n ?? sub.n;
    if (missing && m.kind === 'update') {
      this.ask(sub);
      return;
    }
    if (m.kind === 'refused') this.refused(sub);
    else this.calm(sub);
    const at = Date.parse(m.at);
    for (const f of sub.followers) {
      if (m.kind === 'snapshot' || m.kind === 'resync') f.snapshot(m.data, at);
      else if (m.kind === 'update') f.update(m.data, at);
      else if (m.kind === 'unavailable' || m.kind === 'refused') f.unavailable?.(m.problem ?? { code: m.kind, title: 'There is no live data' });
    }
  }

  private say(sub: Subscription): void {
    if (this.status_.state !== 'live') return;
    sub.n = 0;
    sub.on = this.socket;
    const request = { op: 'subscribe', id: sub.id, topic: sub.topic, ...(sub.params === undefined ? {} : { params: sub.params }) };
    this.socket?.send(JSON.stringify(request));
  }

  private unsay(id: string): void {
    if (this.status_.state === 'live') this.socket?.send(JSON.stringify({ op: 'unsubscribe', id }));
  }
}
