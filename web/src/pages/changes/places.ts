import type { ApiError } from '../../api/problem';

/** A fault in a document that was sent, and where it is: line and column from 1, where that is known. */
export interface Fault {
  line?: number;
  column?: number;
  where: string;
  message: string;
}

const sections = ['aliases', 'sets', 'services', 'policies'];

/** lineOf finds a part of the document by its path (policies/watch/match), as the appliance names it; undefined where it is not seen. */
export function lineOf(text: string, path: string): number | undefined {
  const [section, name, field] = path.split('/').map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (section === undefined || !sections.includes(section)) return undefined;
  const lines = text.split('\n');
  const begin = lines.findIndex((l) => l.startsWith(section + ':'));
  if (begin < 0 || name === undefined) return begin < 0 ? undefined : begin + 1;
  const rest = lines.slice(begin + 1).findIndex((l) => /^[^\s#-]/.test(l));
  const end = rest < 0 ? lines.length : begin + 1 + rest;
  const key = (l: string, word: string): boolean => {
    const bare = l.trim().replace(/^- /, '').trim();
    return [word, JSON.stringify(word), `'${word.replaceAll("'", "''")}'`].some((w) => bare.startsWith(w + ':') || bare === `name: ${w}` || bare.startsWith(`name: ${w} #`));
  };
  const found = lines.slice(begin + 1, end).findIndex((l) => key(l, name));
  if (found < 0) return begin + 1;
  const at = begin + 1 + found;
  if (field === undefined) return at + 1;
  const next = lines.slice(at + 1, end).findIndex((l) => /^\s*- /.test(l) && l.search(/\S/) <= (lines[at] ?? '').search(/\S/));
  const inside = lines.slice(at, next < 0 ? end : at + 1 + next).findIndex((l) => key(l, field));
  return (inside < 0 ? at : at + inside) + 1;
}

/** faultsOf are the faults that the appliance found in a text that was sent, in the order of their lines. */
export function faultsOf(problem: ApiError, text: string): Fault[] {
  const faults = (problem.fields ?? []).map((f): Fault => {
    const path = f.location.replace(/^body\/?/, '');
    const place = /^yaml:(\d+):(\d+)$/.exec(path);
    if (place !== null) {
      const line = Number(place[1]);
      return line === 0 ? { where: 'the whole', message: f.message } : { line, column: Math.max(1, Number(place[2])), where: `line ${line}`, message: f.message };
    }
    const line = lineOf(text, path);
    return { ...(line === undefined ? {} : { line }), where: path === '' ? 'the whole' : path, message: f.message };
  });
  return faults.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** caretAt is a line of a text with a caret under a column. */
export function caretAt(text: string, line: number, column: number | undefined): string {
  const shown = (text.split('\n')[line - 1] ?? '').replaceAll('\t', ' ');
  const head = `${line} | `;
  return column === undefined ? head + shown : `${head}${shown}\n${' '.repeat(head.length + column - 1)}^`;
}

/** offsetOf is where a line begins in a text. */
export function offsetOf(text: string, line: number): number {
  let at = 0;
  for (let i = 1; i < line; i++) {
    const next = text.indexOf('\n', at);
    if (next < 0) return at;
    at = next + 1;
  }
  return at;
}
