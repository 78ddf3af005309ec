import type { Schema } from '../../api/client';
import type { Tone } from '../../components/State';

type Service = Schema['ServiceItem'];
export type Health = NonNullable<Service['state']>;

export const usual = { on: 'pending', search: '', sort: 'name', service: '', new: '' };
export type View = Record<keyof typeof usual, string>;

/** healthOf is how a service is now: by the newest sample, where it has the service, else as it was answered. */
export function healthOf(s: Pick<Service, 'name' | 'state'>, live: readonly { name: string; up: boolean }[] | undefined): Health {
  const now = live?.find((l) => l.name === s.name);
  if (now !== undefined && s.state !== 'unknown') return now.up ? 'up' : 'down';
  return s.state ?? 'unknown';
}

export const healthTone: Record<Health, Tone> = { up: 'good', down: 'bad', unknown: 'neutral' };

/** failureText is what happens to the flows of a service while it is down. Policies may say otherwise. */
export function failureText(s: Pick<Service, 'mode' | 'on_failure'>): string {
  if (s.mode === 'mirror') return 'Its copies are left out, and the flows take their direct way as ever.';
  return s.on_failure === 'block' ? 'Block: frames of its flows are dropped.' : 'Bypass: its flows take the direct way.';
}

/** consequence is what follows from how it is, for whoever reads at night. */
export function consequence(s: Pick<Service, 'mode' | 'on_failure' | 'drained' | 'used_by'>, health: Health): string {
  const used = (s.used_by?.length ?? 0) > 0;
  if (health === 'unknown') return 'The active configuration does not have it, or the data plane does not run: nothing goes through it.';
  if (!used) return 'No policy uses it: nothing goes through it.';
  if (s.drained === true) return 'All policies that use it are disabled.';
  if (health === 'up') return s.mode === 'steer' ? 'Redirected flows go through it.' : 'It gets its copies.';
  if (s.mode === 'mirror') return 'It gets no copies. The flows themselves are not touched.';
  return s.on_failure === 'block'
    ? 'Frames of the flows that should go through it are dropped, unless their policy says bypass: hosts may lose these disks.'
    : 'The flows that should go through it take the direct way, unless their policy says block. They are not inspected.';
}

/** drainText says what follows from draining it. */
export function drainText(s: Pick<Service, 'used_by' | 'active'>): string {
  const flows = s.active?.flows ?? 0;
  const policies = s.used_by ?? [];
  const which = policies.length === 1 ? `Policy ${policies[0] ?? ''} is` : `${policies.length} policies are`;
  return `${which} disabled. ${flows === 0 ? 'No flow goes through it now.' : `${flows === 1 ? 'One flow goes' : `${flows} flows go`} through it now: once this is applied, policies further down decide, or they take the direct way.`}`;
}
