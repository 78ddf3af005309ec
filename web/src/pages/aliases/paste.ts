import { nameProblem, wwnOf } from '../../components/wwn';
import type { Alias } from './names';

/** A line of a pasted list, and what would become of it. */
export interface Pasted {
  line: number;
  text: string;
  name: string;
  wwpn: string;
  what: 'new' | 'changed' | 'same' | 'wrong';
  why?: string;
  /** Of the alias that is replaced. */
  version?: number;
}

/** Lines are read up to here: more is for a script. */
export const maxLines = 5_000;

const switches = [/^device-alias\s+name\s+(.+?)\s+pwwn\s+(\S+)$/i, /^alicreate\s+"?([^",]+)"?\s*,\s*"?([^",\s]+)"?$/i];
const plain = /^(.*)[\s,;]+(["']?[^\s,;"']+["']?)$/su;

const bare = (text: string) => text.replace(/[\s,;]+$/u, '').trim().replace(/^(["'])(.*)\1$/su, '$2').trim();

/** parts are the name and the WWPN of a line: name first, or, where only the first word is a WWPN, the other way round. */
function parts(text: string): { name: string; wwpn: string } | undefined {
  for (const form of switches) {
    const m = form.exec(text);
    if (m !== null) return { name: bare(m[1] ?? ''), wwpn: m[2] ?? '' };
  }
  const m = plain.exec(text);
  if (m === null) return undefined;
  const last = bare(m[2] ?? '');
  if (wwnOf(last) !== undefined) return { name: bare(m[1] ?? ''), wwpn: last };
  const turned = /^(\S+?)[\s,;]+(.*)$/su.exec(text);
  const first = bare(turned?.[1] ?? '');
  if (turned !== null && wwnOf(first) !== undefined) return { name: bare(turned[2] ?? ''), wwpn: first };
  return { name: bare(m[1] ?? ''), wwpn: last };
}

/**
 * pasted reads a list of aliases, one a line: a name, then a WWPN in any spelling; also what switches print (device-alias
 * name N pwwn W; alicreate "N","W"). Empty lines and those that begin with # or ! are left out.
 */
export function pasted(text: string, aliases: readonly Alias[]): Pasted[] {
  const byName = new Map(aliases.map((a) => [a.name ?? '', a]));
  const byWwpn = new Map(aliases.map((a) => [a.wwpn, a.name ?? '']));
  const names = new Map<string, number>();
  const wwpns = new Map<string, number>();
  const out: Pasted[] = [];
  text.split(/\r\n|\n|\r/).forEach((raw, i) => {
    const at = raw.trim();
    if (at === '' || /^[#!]/.test(at) || out.length >= maxLines) return;
    const line = i + 1;
    const p = parts(at);
    const wwpn = p === undefined ? undefined : wwnOf(p.wwpn);
    const row = { line, text: at, name: p?.name ?? '', wwpn: wwpn ?? p?.wwpn ?? '' };
    const wrong = (why: string) => out.push({ ...row, what: 'wrong', why });
    if (p === undefined) return wrong('Write a name and a WWPN.');
    if (wwpn === undefined) return wrong('It does not end in a WWPN.');
    const problem = nameProblem(p.name);
    if (problem !== undefined) return wrong(problem);
    const twice = names.get(p.name) ?? wwpns.get(wwpn);
    if (twice !== undefined) return wrong(`Line ${twice} has the same ${names.has(p.name) ? 'name' : 'WWPN'}.`);
    names.set(p.name, line);
    wwpns.set(wwpn, line);
    const there = byName.get(p.name);
    if (there?.wwpn === wwpn) return out.push({ ...row, what: 'same' });
    const owner = byWwpn.get(wwpn);
    if (owner !== undefined) return wrong(`The alias ${owner} stands for this WWPN.`);
    return out.push(there === undefined ? { ...row, what: 'new' } : { ...row, what: 'changed', version: there.version, why: `It stands for ${there.wwpn} now.` });
  });
  return out;
}
