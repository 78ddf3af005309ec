import type { Schema } from '../../api/client';

export type Event = Schema['Event'];
export type Severity = Event['severity'];

export const severities = ['info', 'notice', 'warning', 'error', 'critical'] as const;
export const isSeverity = (v: string): v is Severity => severities.some((s) => s === v);

/** What the address has of the filter, as texts. match: field:value, several joined by commas. */
export interface FilterView {
  type: string;
  category: string;
  severity: string;
  since: string;
  until: string;
  match: string;
}

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

/** fieldsOf are an event's fields by name. */
export const fieldsOf = (e: Event): Record<string, unknown> => (isRecord(e.fields) ? e.fields : {});

function isEvent(v: unknown): v is Event {
  return isRecord(v) && typeof v['number'] === 'number' && typeof v['at'] === 'string' && typeof v['type'] === 'string' && typeof v['category'] === 'string' && typeof v['severity'] === 'string' && typeof v['text'] === 'string';
}

/** eventsOf are the events of a message of the stream. */
export const eventsOf = (data: unknown): Event[] => (isRecord(data) && Array.isArray(data['events']) ? data['events'].filter(isEvent) : []);

const list = (text: string): string[] => text.split(',').filter((t) => t !== '');
const isMoment = (text: string): boolean => text !== '' && !Number.isNaN(Date.parse(text));

/** queryOf is the filter as the appliance has it. */
export const queryOf = (v: FilterView) => ({
  ...(v.type === '' ? {} : { type: list(v.type) }),
  ...(v.category === '' ? {} : { category: list(v.category) }),
  ...(isSeverity(v.severity) && v.severity !== 'info' ? { severity: v.severity } : {}),
  ...(isMoment(v.since) ? { since: v.since } : {}),
  ...(isMoment(v.until) ? { until: v.until } : {}),
  ...(v.match === '' ? {} : { match: list(v.match) }),
});

export type Query = ReturnType<typeof queryOf>;

/** flat is a query for an address. */
export const flat = (q: Query): Record<string, string | undefined> => ({ type: q.type?.join(','), category: q.category?.join(','), severity: q.severity, since: q.since, until: q.until, match: q.match?.join(',') });

/** matches says of text fields what the appliance says: a value, or its beginning and a star. */
function matches(e: Event, match: readonly string[]): boolean {
  const fields = fieldsOf(e);
  return match.every((m) => {
    const at = m.indexOf(':');
    const is = fields[m.slice(0, at)];
    const want = m.slice(at + 1);
    const text = typeof is === 'string' ? is : '';
    return want.endsWith('*') ? text.startsWith(want.slice(0, -1)) : text === want;
  });
}

/** selects says whether an event of the stream belongs into the list: the stream knows of types only. */
export function selects(q: Query, e: Event): boolean {
  if (e.category === 'audit') return false;
  if (q.type !== undefined && !q.type.some((t) => e.type === t || e.type.startsWith(t + '.'))) return false;
  if (q.category !== undefined && !q.category.includes(e.category)) return false;
  if (q.severity !== undefined && severities.indexOf(e.severity) < severities.indexOf(q.severity)) return false;
  if (q.since !== undefined && Date.parse(e.at) < Date.parse(q.since)) return false;
  if (q.until !== undefined && Date.parse(e.at) >= Date.parse(q.until)) return false;
  return q.match === undefined || matches(e, q.match);
}

/** matchOf asks for a field's value. A comma would be the end of it: what begins like it is asked for instead. */
export function matchOf(field: string, value: string): string {
  const [begin = ''] = value.split(',');
  return `${field}:${begin === value ? value : begin + '*'}`;
}

/** withMatch adds one to those that there are; another value of the same field replaces it. */
export const withMatch = (were: string, one: string): string => [...list(were).filter((m) => m.split(':')[0] !== one.split(':')[0]), one].join(',');
export const withoutMatch = (were: string, one: string): string => list(were).filter((m) => m !== one).join(',');
export const matchList = list;
