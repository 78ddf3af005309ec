import type { Schema } from '../../api/client';

type Change = Schema['Change'];

/** What may be done with the state of change control, now and by whoever looks. */
export interface Steps {
  edit: boolean;
  apply: boolean;
  discard: boolean;
  unlock: boolean;
  takeOver: boolean;
  rebase: boolean;
  settleDrift: boolean;
}

/** stepsOf is what is offered: what the role may not, and what would be refused now, is not. */
export function stepsOf(c: Change, me: string, can: (permission: string) => boolean): Steps {
  const idle = c.phase === 'idle';
  const mine = c.lock === undefined || c.lock.owner === me;
  const pending = c.pending !== undefined;
  const outdated = c.pending?.outdated === true;
  const write = can('change.write');
  return {
    edit: write && idle && mine,
    apply: can('change.apply') && idle && mine && pending && !outdated,
    discard: write && idle && mine && pending,
    unlock: write && idle && c.lock?.owner === me,
    takeOver: can('change.takeover') && !mine,
    rebase: write && idle && mine && outdated,
    settleDrift: can('change.apply') && idle && c.drift !== undefined,
  };
}

/** sentenceOf is the state of change control in one sentence. */
export function sentenceOf(c: Change): string {
  if (c.phase === 'applying') return 'A revision is on its way to the data plane';
  if (c.phase === 'window') return c.window === undefined ? 'A revision is live and waits to be confirmed' : `Revision ${c.window.revision} is live and waits to be confirmed`;
  if (c.pending !== undefined) {
    const edits = c.pending.edits === 1 ? '1 edit is' : `${c.pending.edits} edits are`;
    return `${edits} pending, and ${c.pending.edits === 1 ? 'decides' : 'decide'} nothing yet`;
  }
  if (c.active.revision === 0 && c.confirmed.revision === 0) return 'Nothing is configured and nothing is pending: all traffic takes its direct way';
  return `Nothing is pending; revision ${c.active.revision} decides`;
}

type Outcome = Schema['Revision']['outcome'];

export const outcomes: Record<Outcome, { text: string; tone: 'good' | 'info' | 'warning' | 'bad' | 'neutral' }> = {
  applying: { text: 'on its way', tone: 'info' },
  window: { text: 'waits to be confirmed', tone: 'warning' },
  confirmed: { text: 'confirmed', tone: 'good' },
  reverted: { text: 'reverted', tone: 'warning' },
  expired: { text: 'not confirmed in time, reverted', tone: 'warning' },
  failed: { text: 'failed', tone: 'bad' },
  adopted: { text: 'found running', tone: 'info' },
};

/** pageOf is the address of an object's own page, as findings and differences link to it. */
export function pageOf(kind: string | undefined, name: string | undefined): string | undefined {
  const views: Record<string, [page: string, query: Record<string, string>]> = {
    policy: ['/policies', { policy: name ?? '' }],
    service: ['/services', { service: name ?? '' }],
    alias: ['/aliases', { search: name ?? '' }],
    set: ['/aliases', { tab: 'sets', search: name ?? '' }],
  };
  const view = kind === undefined ? undefined : views[kind];
  if (view === undefined || name === undefined || name === '') return view?.[0];
  return `${view[0]}?${new URLSearchParams(view[1]).toString()}`;
}
