import { Stream, type Follower } from './stream';

/** A socket whose other end is played by the test. */
class Played extends EventTarget implements WebSocket {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly bufferedAmount = 0;
  readonly extensions = '';
  readonly readyState = 1;
  binaryType: BinaryType = 'blob';
  onopen: WebSocket['onopen'] = null;
  onerror: WebSocket['onerror'] = null;
  onmessage: WebSocket['onmessage'] = null;
  onclose: WebSocket['onclose'] = null;
  readonly said: Record<string, unknown>[] = [];
  closed: number | undefined;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    super();
  }

  send(text: string): void {
    const message: unknown = JSON.parse(text);
    if (typeof message !== 'object' || message === null) throw new Error('no object');
    this.said.push({ ...message });
  }

  close(code = 1005): void {
    this.closed = code;
  }

  says(message: object): void {
    this.onmessage?.(new MessageEvent('message', { data: JSON.stringify({ v: 1, at: new Date().toISOString(), ...message }) }));
  }

  saysText(data: string): void {
    this.onmessage?.(new MessageEvent('message', { data }));
  }

  ends(code: number): void {
    this.onclose?.(Object.assign(new Event('close'), { code, reason: '', wasClean: true }));
  }

  /** What was subscribed or unsubscribed: "+flows", "-1". */
  ops(): string[] {
    return this.said.map((m) => (m['op'] === 'subscribe' ? `+${String(m['topic'])}` : `-${String(m['id'])}`));
  }

  idOf(topic: string): unknown {
    return this.said.findLast((m) => m['topic'] === topic)?.['id'];
  }
}

export function world() {
  const dialled: Played[] = [];
  const told: string[] = [];
  let refuses = false;
  const stream = new Stream(
    'wss://fcr/api/v1/stream',
    (url, protocol) => {
      if (refuses) throw new Error('no');
      const socket = new Played(url, protocol);
      dialled.push(socket);
      return socket;
    },
    (what) => told.push(what),
  );
  const socket = () => {
    const last = dialled.at(-1);
    if (last === undefined) throw new Error('nothing was dialled');
    return last;
  };
  return { stream, dialled, told, socket, refuse: (yes: boolean) => (refuses = yes) };
}

export function follower() {
  const heard: string[] = [];
  const f: Follower = {
    snapshot: (d) => heard.push(`snapshot ${String(d)}`),
    update: (d) => heard.push(`update ${String(d)}`),
    unavailable: (p) => heard.push(`unavailable ${p.code}`),
    lost: () => heard.push('lost'),
  };
  return { f, heard };
}

/** The end of the task, in which subscriptions are asked for. */
export const settled = () => Promise.resolve();
