import type { ConflictField } from '../../components/Conflict';
import { isMask, nameProblem, wwnOf } from '../../components/wwn';
import type { Alias, NameSet } from './names';

/** What is typed of an alias. */
export interface AliasTyped {
  name: string;
  wwpn: string;
}

/** What is typed of a set. */
export interface SetTyped {
  name: string;
  members: readonly string[];
}

export const emptyAlias: AliasTyped = { name: '', wwpn: '' };
export const emptySet: SetTyped = { name: '', members: [] };

export const aliasOf = (a: Alias): AliasTyped => ({ name: a.name ?? '', wwpn: a.wwpn });
export const setOf = (s: NameSet): SetTyped => ({ name: s.name ?? '', members: s.members });

/** The bodies of what is sent: another spelling of the same WWPN is no change. */
export const aliasBody = (f: AliasTyped) => ({ wwpn: wwnOf(f.wwpn) ?? f.wwpn });
export const setBody = (f: SetTyped) => ({ members: [...f.members] });

export const aliasLacks = (f: AliasTyped): string | undefined => nameProblem(f.name) ?? (wwnOf(f.wwpn) === undefined ? 'It needs a WWPN.' : undefined);
export const setLacks = (f: SetTyped): string | undefined => nameProblem(f.name) ?? (f.members.length === 0 ? 'Add at least one.' : undefined);

export const aliasBesides = (mine: AliasTyped, theirs: AliasTyped): ConflictField[] => [{ label: 'WWPN', mine: aliasBody(mine).wwpn, theirs: theirs.wwpn }];
export const setBesides = (mine: SetTyped, theirs: SetTyped): ConflictField[] => [{ label: 'Members', mine: mine.members.join(', '), theirs: theirs.members.join(', ') }];

/** memberOf is a member as it is kept: an alias, a WWPN with colons, a mask; undefined when the text is none. */
export function memberOf(text: string, aliases: readonly Alias[]): string | undefined {
  const t = text.trim();
  if (aliases.some((a) => a.name === t)) return t;
  return wwnOf(t) ?? (isMask(t) ? t.toLowerCase() : undefined);
}
