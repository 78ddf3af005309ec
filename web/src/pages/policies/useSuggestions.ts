import { useEffect, useState } from 'react';
import { query } from '../../api/client';
import { useCan } from '../../app/session';
import type { Suggestion } from '../../components/Suggest';

const most = 8;
const typingMs = 200;

function useSettled(text: string): string {
  const [settled, set] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => set(text), typingMs);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** useSuggestions is what could stand in a match: aliases, sets (where these may), and who is logged in without an alias. */
export function useSuggestions(text: string, open: boolean, sets: boolean): { list: Suggestion[]; loading: boolean } {
  const part = useSettled(text.trim()).slice(0, 64);
  const may = { alias: useCan('alias.read'), set: useCan('set.read'), login: useCan('login.read') };
  const asked = { on: 'pending' as const, limit: most, ...(part === '' ? {} : { search: part }) };
  const aliases = query.useQuery('get', '/api/v1/aliases', { params: { query: asked } }, { enabled: open && may.alias });
  const named = query.useQuery('get', '/api/v1/sets', { params: { query: asked } }, { enabled: open && sets && may.set });
  const logins = query.useQuery('get', '/api/v1/logins', { params: { query: { limit: 4 * most, ...(part === '' ? {} : { text: part }) } } }, { enabled: open && may.login });
  const list: Suggestion[] = [];
  if (sets) for (const s of named.data?.items ?? []) list.push({ value: s.name ?? '', text: `Set of ${s.members.length}` });
  for (const a of aliases.data?.items ?? []) list.push({ value: a.name ?? '', text: a.wwpn });
  const known = new Set(list.map((s) => s.value));
  for (const l of logins.data?.items ?? []) {
    const value = l.alias === undefined || l.alias === '' ? l.wwpn : l.alias;
    if (known.has(value) || list.length >= 3 * most) continue;
    known.add(value);
    list.push({ value, text: value === l.wwpn ? `Logged in as ${l.fc_id}${l.port === undefined ? '' : ` on ${l.port}`}` : l.wwpn });
  }
  return { list, loading: aliases.isFetching || named.isFetching || logins.isFetching };
}
