/** Numbers, sizes and times as people read them. Exact values belong into a title or a table beside. */

const si = ['', 'k', 'M', 'G', 'T', 'P'];

/** scaled has three significant digits: 999, 1.23 k, 45.6 M. */
function scaled(v: number, units: readonly string[], base = 1000): string {
  if (!Number.isFinite(v)) return '–';
  let n = Math.abs(v);
  let unit = 0;
  while (n >= base * 0.9995 && unit < units.length - 1) {
    n /= base;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(v) ? 0 : n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2;
  const text = n.toFixed(digits);
  const suffix = units[unit] ?? '';
  return `${v < 0 ? '−' : ''}${text}${suffix === '' ? '' : ' ' + suffix}`;
}

const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

/** count is a number of things in full: 12,345. */
export const count = (v: number | undefined): string => (v === undefined ? '–' : exact.format(v));

/** short is a number of things in few characters: 12.3 k. */
export const short = (v: number | undefined): string => (v === undefined ? '–' : scaled(v, si));

/** bytes are binary units: 1.50 MiB. */
export const bytes = (v: number | undefined): string => (v === undefined ? '–' : scaled(v, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'], 1024));

/** bitRate is what links are measured in, of bytes a second: 1.23 Gbit/s. */
export const bitRate = (bytesPerSecond: number | undefined): string =>
  bytesPerSecond === undefined ? '–' : scaled(bytesPerSecond * 8, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);

const known = (v: number | undefined): v is number => v !== undefined && Number.isFinite(v);

/** perSecond is a rate of things: 1.23 k/s. */
export const perSecond = (v: number | undefined): string => (known(v) ? `${scaled(v, si)}/s` : '–');

/** share is a part of one as a percentage. What is not nothing, or not all, is not shown as if it were. */
export function share(v: number | undefined): string {
  if (!known(v)) return '–';
  if (v > 0 && v < 0.0005) return '< 0.1 %';
  if (v >= 0.995 && v < 1) return `${(Math.floor(v * 1000) / 10).toFixed(1)} %`;
  return `${(v * 100).toFixed(v > 0 && v < 0.0995 ? 1 : 0)} %`;
}

/** micros is a latency given in microseconds. */
export const micros = (us: number | undefined): string => (us === undefined ? '–' : scaled(us * 1000, ['ns', 'µs', 'ms', 's']));

/** duration is seconds as 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const s = Math.max(0, Math.round(seconds));
  const part = (n: number, unit: string, rest: number, small: string) => (rest === 0 ? `${n} ${unit}` : `${n} ${unit} ${rest} ${small}`);
  if (s < 60) return `${s} s`;
  if (s < 3600) return part(Math.floor(s / 60), 'min', s % 60, 's');
  if (s < 86_400) return part(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
  return part(Math.floor(s / 86_400), 'd', Math.floor((s % 86_400) / 3600), 'h');
}

/** ago is an age in milliseconds in one unit: 5 s ago. */
export function ago(ms: number): string {
  const s = Math.floor(Math.max(0, ms) / 1000);
  if (s < 2) return 'just now';
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const shortTime = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

export const local = (at: number | string): string => localTime.format(new Date(at));
export const clock = (at: number | string): string => shortTime.format(new Date(at));
export const utc = (at: number | string): string => new Date(at).toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC').replace(/Z$/, ' UTC');

/** plural is 1 flow, 2 flows. */
export const plural = (n: number, one: string, many = one + 's'): string => `${count(n)} ${n === 1 ? one : many}`;
