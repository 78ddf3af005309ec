import type { Schema } from '../api/client';
import type { LivePort, LiveSample } from '../live';
import type { Ask, Stored } from './LiveChartStored';
import { bitRate } from './format';
import type { LiveLine } from './LiveChart';

/** The lines of charts about ports: what is read of samples, and the same of what is stored of each port. */

type Rate = 'frames_in' | 'bytes_in' | 'frames_out' | 'bytes_out';

/** Rates of bytes are shown as what links are measured in. */
export const bits = (bitsPerSecond: number): string => bitRate(bitsPerSecond / 8);

const portOf = (s: LiveSample, name: string): LivePort | undefined => s.ports.find((p) => p.name === name);

/** sumOf adds up a rate of ports; null where one of them has none: a part of the sum would be a wrong one. */
function sumOf(s: LiveSample, names: readonly string[], rate: Rate): number | null {
  let sum = 0;
  for (const name of names) {
    const v = portOf(s, name)?.rates?.[rate];
    if (v === undefined) return null;
    sum += v;
  }
  return names.length === 0 ? null : sum;
}

/** storedSum is the same of what was stored of the ports of all asks. */
function storedSum(asks: readonly Ask[], answers: readonly (Stored | undefined)[], names: readonly string[], rate: Rate): number | null {
  let sum = 0;
  for (const name of names) {
    const a = answers[asks.findIndex((ask) => ask.port === name)];
    if (a?.counts.port === undefined) return null;
    sum += a.counts.port[rate] / a.seconds;
  }
  return names.length === 0 ? null : sum;
}

/** line is a rate of ports, live and stored. */
function line(label: string, asks: readonly Ask[], names: readonly string[], rate: Rate, times: number, format: (v: number) => string): LiveLine {
  const by = (v: number | null) => (v === null ? null : v * times);
  return { label, format, live: (s) => by(sumOf(s, names, rate)), stored: (answers) => by(storedSum(asks, answers, names, rate)) };
}

const asksOf = (names: readonly string[]): Ask[] => names.map((port) => ({ of: 'port', port }));

/** bytesOf are the lines of ports: what comes in and what goes out. */
export function bytesOf(names: readonly string[]): { asks: Ask[]; lines: LiveLine[] } {
  const asks = asksOf(names);
  return { asks, lines: [{ ...line('Received', asks, names, 'bytes_in', 8, bits), filled: true }, line('Sent', asks, names, 'bytes_out', 8, bits)] };
}

/** What the ports are for: hosts, storage, services. */
interface Sides {
  edge: readonly string[];
  fabric: readonly string[];
  service: readonly string[];
  /** Ports of a service that gets copies: what goes out there was not redirected, what comes back was. */
  mirror: readonly string[];
}

export function sidesOf(ports: readonly Pick<Schema['Port'], 'name' | 'role'>[], services: readonly Pick<Schema['ServiceItem'], 'port' | 'mode'>[]): Sides {
  const names = (role: string) => ports.filter((p) => p.role === role).map((p) => p.name);
  return { edge: names('edge'), fabric: names('fabric'), service: names('service'), mirror: services.filter((s) => s.mode === 'mirror').map((s) => s.port) };
}

/**
 * throughputOf is what comes from hosts and from storage. What services hand back is left out: each frame counts once,
 * however it went.
 */
export function throughputOf(sides: Sides): { asks: Ask[]; lines: LiveLine[] } {
  const asks = asksOf([...sides.edge, ...sides.fabric]);
  return {
    asks,
    lines: [
      { ...line('From hosts', asks, sides.edge, 'bytes_in', 8, bits), filled: true },
      { ...line('From storage', asks, sides.fabric, 'bytes_in', 8, bits), filled: true },
    ],
  };
}

const part = (some: number | null, all: number | null): number | null => (some === null || all === null || all <= 0 ? null : Math.min(1, some / all));

/** plus is a sum that is not known where a part of it is not. */
const plus = (a: number | null, b: number | null) => (a === null || b === null ? null : a + b);

/**
 * shareOf is the part of the frames of hosts and storage that went through a service. The stream says how many were
 * redirected; where there is only what ports counted, it is what was sent to services, or came back from ports on which
 * copies go out too.
 */
export function shareOf(sides: Sides, format: (v: number) => string): { asks: Ask[]; lines: LiveLine[] } {
  const outside = [...sides.edge, ...sides.fabric];
  const asks = asksOf([...outside, ...sides.service]);
  const pure = sides.service.filter((n) => !sides.mirror.includes(n));
  const mixed = sides.service.filter((n) => sides.mirror.includes(n));
  const redirected = (sum: (names: readonly string[], rate: Rate) => number | null) =>
    plus(pure.length === 0 ? 0 : sum(pure, 'frames_out'), mixed.length === 0 ? 0 : sum(mixed, 'frames_in'));
  return {
    asks,
    lines: [
      {
        label: 'Redirected',
        format,
        filled: true,
        live: (s) => part(s.total?.redirected_per_second ?? redirected((n, r) => sumOf(s, n, r)), sumOf(s, outside, 'frames_in')),
        stored: (answers) => part(redirected((n, r) => storedSum(asks, answers, n, r)), storedSum(asks, answers, outside, 'frames_in')),
      },
    ],
  };
}
