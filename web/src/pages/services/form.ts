import type { Schema } from '../../api/client';
import type { ConflictField } from '../../components/Conflict';

type Service = Schema['ServiceItem'];

export interface Form {
  name: string;
  mode: Service['mode'];
  port: string;
  mac: string;
  vlan: string;
  onFailure: '' | 'bypass' | 'block';
  note: string;
}

export const emptyForm: Form = { name: '', mode: 'steer', port: '', mac: '', vlan: '', onFailure: '', note: '' };

export const formOf = (s: Service): Form => ({
  name: s.name ?? '',
  mode: s.mode,
  port: s.port,
  mac: s.mac ?? '',
  vlan: s.vlan === undefined || s.vlan === 0 ? '' : String(s.vlan),
  onFailure: s.on_failure ?? '',
  note: s.note ?? '',
});

/** bodyOf is what is sent. A mirror cannot block: what was chosen for a steer service stays in the form. */
export const bodyOf = (f: Form): Service => ({
  mode: f.mode,
  port: f.port,
  ...(f.mac.trim() === '' ? {} : { mac: f.mac.trim() }),
  ...(f.vlan.trim() === '' ? {} : { vlan: Number(f.vlan) }),
  ...(f.mode === 'steer' && f.onFailure !== '' ? { on_failure: f.onFailure } : {}),
  ...(f.note === '' ? {} : { note: f.note }),
});

export function missing(f: Form): string | undefined {
  if (f.name.trim() === '') return 'It needs a name.';
  if (f.port === '') return 'It needs a port.';
  if (f.mode === 'steer' && f.mac.trim() === '') return 'To get frames it needs a MAC address.';
  if (f.vlan.trim() !== '' && (!/^\d+$/.test(f.vlan.trim()) || Number(f.vlan) > 4094)) return 'A VLAN is a number up to 4094.';
  return undefined;
}

/** besides is theirs beside mine, field by field. */
export function besides(mine: Form, theirs: Form): ConflictField[] {
  const row = (label: string, text: (f: Form) => string) => ({ label, mine: text(mine), theirs: text(theirs) });
  return [
    row('Mode', (f) => f.mode),
    row('Port', (f) => f.port),
    row('MAC', (f) => f.mac),
    row('VLAN', (f) => f.vlan),
    row('On failure', (f) => (f.mode === 'steer' ? f.onFailure : '')),
    row('Note', (f) => f.note),
  ];
}

/** sideMessages finds the field of what the appliance says of the whole: it names the field in its words. */
export function sideMessages(fields: readonly Schema['ProblemField'][] | undefined): { mac?: string; port?: string } {
  const whole = (fields ?? []).filter((f) => f.location === 'body').map((f) => f.message);
  return { mac: whole.find((m) => /\bmac\b/i.test(m)), port: whole.find((m) => /\bport\b/i.test(m)) };
}
