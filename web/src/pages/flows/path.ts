import type { Flow } from './order';

/** A stop of a flow's frames. off: they do not go by there, although something says they could. */
export interface Stop {
  kind: 'initiator' | 'port' | 'service' | 'target' | 'end';
  name: string;
  text: string;
  off?: boolean;
}

const host = (alias: string | undefined, wwpn: string | undefined, id: string | undefined) => alias ?? wwpn ?? id ?? 'unknown';

const port = (name: string | undefined, side: string): Stop => ({ kind: 'port', name: name ?? 'port not known yet', text: side });

/** middle is what stands between the ports. It ends there if ends. */
function middle(f: Flow): { stops: Stop[]; ends: boolean } {
  const service = f.service ?? '';
  if (f.verdict === 'drop') return { stops: [{ kind: 'end', name: 'Dropped here', text: `by policy ${f.policy ?? ''}`.trim() }], ends: true };
  if (f.verdict === 'redirect' && f.state === 'blocked') {
    return { stops: [{ kind: 'end', name: 'Stopped here', text: `service ${service} cannot be used, and the policy says block` }], ends: true };
  }
  if (f.verdict === 'redirect' && f.state === 'bypassed') {
    return { stops: [{ kind: 'service', name: service, text: 'bypassed: the service cannot be used', off: true }], ends: false };
  }
  if (f.verdict === 'redirect') return { stops: [{ kind: 'service', name: service, text: 'gets the frames and hands them back' }], ends: false };
  if (f.verdict === 'mirror') {
    const down = f.state !== 'active';
    return { stops: [{ kind: 'service', name: service, text: down ? 'gets no copies now: it cannot be used' : 'gets copies', off: down }], ends: false };
  }
  return { stops: [], ends: false };
}

/** pathOf is the way of a flow's frames from the initiator to the target, stop by stop. */
export function pathOf(f: Flow): Stop[] {
  const from: Stop = { kind: 'initiator', name: host(f.initiator_alias, f.initiator, f.initiator_id), text: 'initiator' };
  const to: Stop = { kind: 'target', name: host(f.target_alias, f.target, f.target_id), text: 'target' };
  if (f.state === 'waiting') return [from, { kind: 'end', name: 'Waits for both ends to log in', text: 'created ahead' }, to];
  const { stops, ends } = middle(f);
  return ends ? [from, port(f.port, 'comes in'), ...stops, { ...to, off: true }] : [from, port(f.port, 'comes in'), ...stops, port(f.target_port, 'goes out'), to];
}

/** endName is how a link names an end: the alias if there is one, else the WWPN. */
export const endName = (alias: string | undefined, wwpn: string | undefined): string | undefined => (alias === undefined || alias === '' ? wwpn : alias);

/** policyLink begins a policy for a flow. */
export function policyLink(f: Flow): string {
  const q = new URLSearchParams({ new: '1' });
  const initiator = endName(f.initiator_alias, f.initiator);
  const target = endName(f.target_alias, f.target);
  if (initiator !== undefined) q.set('initiator', initiator);
  if (target !== undefined) q.set('target', target);
  q.set('vsan', String(f.vsan));
  return `/policies?${q.toString()}`;
}

export const nameLink = (wwpn: string): string => `/aliases?${new URLSearchParams({ new: '1', wwpn }).toString()}`;
export const captureLink = (f: Flow): string => `/captures?${new URLSearchParams({ new: '1', flow: f.id }).toString()}`;
