import type { Schema } from '../../api/client';

/** A time in which a service was the same, in milliseconds since 1970. */
export interface Stretch {
  from: number;
  to: number;
  state: 'up' | 'down' | 'unknown';
}

export interface Flip {
  at: string;
  number: number;
  up: boolean;
}

type Happened = Pick<Schema['Event'], 'at' | 'type' | 'number' | 'fields'>;

/**
 * asked is how the events of a service are asked for. In a query a comma ends a value, and a star behind it stands for any end:
 * of a name with these its beginning is asked for, and flipsOf takes its own.
 */
export function asked(name: string): { match?: string[]; limit: number } {
  const begin = name.replace(/[,*].*$/su, '');
  if (begin === name) return { match: [`name:${name}`], limit: 200 };
  return { ...(begin === '' ? {} : { match: [`name:${begin}*`] }), limit: 1000 };
}

const nameIn = (fields: unknown): unknown => (typeof fields === 'object' && fields !== null && 'name' in fields ? fields.name : undefined);

/** flipsOf is when a service came or went, the newest first. */
export const flipsOf = (name: string, events: readonly Happened[]): Flip[] =>
  events
    .filter((e) => (e.type === 'service.up' || e.type === 'service.down') && nameIn(e.fields) === name)
    .map((e) => ({ at: e.at, number: e.number, up: e.type === 'service.up' }))
    .sort((a, b) => b.number - a.number);

/** stretchesOf is how a service was between two times. What was before the first event that is known is not known. */
export function stretchesOf(flips: readonly Flip[], from: number, to: number): Stretch[] {
  const out: Stretch[] = [];
  let state: Stretch['state'] = 'unknown';
  let since = from;
  const end = (at: number) => {
    if (at <= since) return;
    const last = out.at(-1);
    if (last?.state === state) last.to = at;
    else out.push({ from: since, to: at, state });
    since = at;
  };
  for (const f of [...flips].reverse()) {
    end(Math.min(Math.max(Date.parse(f.at), from), to));
    state = f.up ? 'up' : 'down';
  }
  end(to);
  return out;
}

/** downSeconds is how long it was down of what is known. */
export const downSeconds = (stretches: readonly Stretch[]): number => stretches.filter((s) => s.state === 'down').reduce((sum, s) => sum + (s.to - s.from) / 1000, 0);
