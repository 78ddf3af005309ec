import type { Schema } from '../../api/client';
import { wwnOf } from '../../components/wwn';

export type Alias = Schema['AliasItem'];
export type NameSet = Schema['SetItem'];
type Policy = Schema['PolicyItem'];
type Login = Schema['Login'];

/** A place where a name, or the WWPN that it stands for, is used. */
export interface Use {
  kind: 'set' | 'policy';
  name: string;
}

export type Uses = ReadonlyMap<string, readonly Use[]>;

/** usesOf says for each alias and set where it is used. A member that is a WWPN counts for the alias of that WWPN. */
export function usesOf(aliases: readonly Alias[], sets: readonly NameSet[], policies: readonly Policy[]): Uses {
  const byWwpn = new Map(aliases.map((a) => [a.wwpn, a.name ?? '']));
  const uses = new Map<string, Use[]>();
  const note = (member: string, use: Use) => {
    const wwn = wwnOf(member);
    const name = wwn === undefined ? member : byWwpn.get(wwn);
    if (name === undefined) return;
    const list = uses.get(name) ?? [];
    if (!list.some((u) => u.kind === use.kind && u.name === use.name)) list.push(use);
    uses.set(name, list);
  };
  for (const s of sets) for (const m of s.members) note(m, { kind: 'set', name: s.name ?? '' });
  for (const p of policies) for (const m of [...(p.match.initiator ?? []), ...(p.match.target ?? [])]) note(m, { kind: 'policy', name: p.name ?? '' });
  return uses;
}

/** found are the aliases that a search means: part of the name, or of the WWPN in any spelling. */
export function found(aliases: readonly Alias[], search: string): Alias[] {
  const t = search.trim().toLowerCase();
  if (t === '') return [...aliases];
  const hex = /^[0-9a-f:.\- ]+$/.test(t) ? t.replaceAll(/[:.\- ]/g, '') : '';
  const whole = wwnOf(t);
  return aliases.filter((a) => (a.name ?? '').toLowerCase().includes(t) || a.wwpn === whole || (hex !== '' && a.wwpn.replaceAll(':', '').includes(hex)));
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** inOrder sorts by what the sort says: name or wwpn, with - before it downwards. host-2 comes before host-10. */
export function inOrder<T extends { name?: string; wwpn?: string }>(list: readonly T[], sort: string): T[] {
  const down = sort.startsWith('-');
  const field = down ? sort.slice(1) : sort;
  const text = (o: T) => (field === 'wwpn' ? (o.wwpn ?? '') : (o.name ?? ''));
  return [...list].sort((a, b) => (down ? -1 : 1) * collator.compare(text(a), text(b)));
}

/** Against what decides now: an edit that is not applied yet. */
export type Standing = 'active' | 'new' | 'changed';

export function standingOf(a: Alias, active: ReadonlyMap<string, string> | undefined): Standing {
  if (active === undefined) return 'active';
  const was = active.get(a.name ?? '');
  return was === undefined ? 'new' : was === a.wwpn ? 'active' : 'changed';
}

/** unnamed are the ports that are logged in and have no alias, each WWPN once. */
export function unnamed(logins: readonly Login[], aliases: readonly Alias[]): Login[] {
  const named = new Set(aliases.map((a) => a.wwpn));
  const out = new Map<string, Login>();
  for (const l of logins) if (l.wwpn !== '' && l.state !== 'removed' && !named.has(l.wwpn) && !out.has(l.wwpn)) out.set(l.wwpn, l);
  return [...out.values()];
}
