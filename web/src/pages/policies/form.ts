import type { Schema } from '../../api/client';
import type { ConflictField } from '../../components/Conflict';
import { joinVsans, splitVsans } from '../../components/MatchChipsTerms';
import type { Action } from './view';

type Policy = Schema['PolicyItem'];

/** Where a policy is put: where it is (a new one at the end), or somewhere else. */
export type PlaceChoice = 'stay' | 'first' | 'last' | 'before' | 'after' | 'position';

const choices: readonly string[] = ['stay', 'first', 'last', 'before', 'after', 'position'];
export const isPlaceChoice = (text: string): text is PlaceChoice => choices.includes(text);

/** Form is what is typed. Texts are as typed; what they mean is found out when they are sent. */
export interface Form {
  name: string;
  initiator: readonly string[];
  target: readonly string[];
  vsan: string;
  action: Action;
  service: string;
  frames: 'all' | 'commands';
  onFailure: '' | 'bypass' | 'block';
  disabled: boolean;
  place: PlaceChoice;
  other: string;
  position: string;
  note: string;
  ticket: string;
}

export const emptyForm: Form = {
  name: '',
  initiator: [],
  target: [],
  vsan: '',
  action: 'redirect',
  service: '',
  frames: 'all',
  onFailure: '',
  disabled: false,
  place: 'stay',
  other: '',
  position: '',
  note: '',
  ticket: '',
};

/** formOf makes a form of a policy. */
export const formOf = (p: Policy): Form => ({
  ...emptyForm,
  name: p.name ?? '',
  initiator: p.match.initiator ?? [],
  target: p.match.target ?? [],
  vsan: joinVsans(p.match.vsan),
  action: p.action,
  service: p.service ?? '',
  frames: p.frames ?? 'all',
  onFailure: p.on_failure ?? '',
  disabled: p.disabled ?? false,
  note: p.note ?? '',
  ticket: p.ticket ?? '',
});

/** formFrom makes a form for the flow that an address names: ?new=1&initiator=…&target=…&vsan=… */
export const formFrom = (at: { initiator: string; target: string; vsan: string }): Form => ({
  ...emptyForm,
  name: at.initiator !== '' && at.target !== '' ? `${at.initiator} to ${at.target}`.slice(0, 64) : '',
  initiator: at.initiator === '' ? [] : [at.initiator],
  target: at.target === '' ? [] : [at.target],
  // 0 is no tag. A flow without one needs no condition on it.
  vsan: at.vsan === '0' ? '' : at.vsan,
});

function placeOf(f: Form): Schema['Place'] | undefined {
  switch (f.place) {
    case 'stay':
      return undefined;
    case 'first':
      return { position: 1 };
    case 'last':
      return { position: maxPolicies };
    case 'before':
      return { before: f.other };
    case 'after':
      return { after: f.other };
    case 'position':
      return { position: Number(f.position) };
  }
}

/** Beyond the end is the end, and there are never more. */
const maxPolicies = 16_384;

export const needsService = (a: Action): boolean => a === 'redirect' || a === 'mirror';

/** bodyOf is what is sent. What does not go with the action stays in the form, and is not sent. */
export function bodyOf(f: Form): Policy {
  const vsan = splitVsans(f.vsan);
  const place = placeOf(f);
  return {
    action: f.action,
    match: {
      ...(f.initiator.length === 0 ? {} : { initiator: [...f.initiator] }),
      ...(f.target.length === 0 ? {} : { target: [...f.target] }),
      ...(vsan.length === 0 ? {} : { vsan }),
    },
    ...(needsService(f.action) && f.service !== '' ? { service: f.service } : {}),
    ...(f.action === 'mirror' && f.frames === 'commands' ? { frames: f.frames } : {}),
    ...(f.action === 'redirect' && f.onFailure !== '' ? { on_failure: f.onFailure } : {}),
    ...(f.disabled ? { disabled: true } : {}),
    ...(f.note === '' ? {} : { note: f.note }),
    ...(f.ticket === '' ? {} : { ticket: f.ticket }),
    ...(place === undefined ? {} : { place }),
  };
}

/** missing is what a form needs before it can be sent; undefined: nothing. */
export function missing(f: Form): string | undefined {
  if (f.name.trim() === '') return 'It needs a name.';
  if (needsService(f.action) && f.service === '') return `To ${f.action} it needs a service.`;
  if ((f.place === 'before' || f.place === 'after') && f.other === '') return 'Say which policy it stands beside.';
  if (f.place === 'position' && !/^[1-9]\d*$/.test(f.position)) return 'Say at which place, from 1.';
  return undefined;
}

/** besides is theirs beside mine, field by field. */
export function besides(mine: Form, theirs: Form): ConflictField[] {
  const row = (label: string, text: (f: Form) => string) => ({ label, mine: text(mine), theirs: text(theirs) });
  return [
    row('Initiators', (f) => f.initiator.join(', ')),
    row('Targets', (f) => f.target.join(', ')),
    row('VSANs', (f) => f.vsan),
    row('Action', (f) => f.action),
    row('Service', (f) => (needsService(f.action) ? f.service : '')),
    row('Frames', (f) => (f.action === 'mirror' ? f.frames : '')),
    row('On failure', (f) => (f.action === 'redirect' ? f.onFailure : '')),
    row('State', (f) => (f.disabled ? 'disabled' : 'enabled')),
    row('Note', (f) => f.note),
    row('Ticket', (f) => f.ticket),
  ];
}

/** matchMessages tells what the appliance says of a match apart: it says the side in its words. */
export function matchMessages(fields: readonly Schema['ProblemField'][] | undefined): { initiator?: string; target?: string; vsan?: string } {
  const out: { initiator?: string; target?: string; vsan?: string } = {};
  for (const f of fields ?? []) {
    if (f.location === 'body/match/vsan') out.vsan = f.message;
    if (f.location !== 'body/match') continue;
    const said = /(?:^|: )(initiator|target|vsan): (.*)$/.exec(f.message);
    const text = said?.[2] ?? f.message;
    if (said?.[1] === 'target') out.target = text;
    else if (said?.[1] === 'vsan') out.vsan = text;
    else out.initiator = text;
  }
  return out;
}
