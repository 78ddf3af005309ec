/** What a change did to an object, leaf by leaf. */
export interface Difference {
  path: string;
  kind: 'same' | 'added' | 'removed' | 'changed';
  before?: string;
  after?: string;
}

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

/** leaves are an object's values by their paths; lists of plain values are one leaf, since their order is what they mean. */
function leaves(v: unknown, path: string, out: Map<string, string>): Map<string, string> {
  if (v === undefined || v === null) return out;
  if (isRecord(v)) {
    for (const [k, w] of Object.entries(v)) leaves(w, path === '' ? k : `${path}.${k}`, out);
    return out;
  }
  if (Array.isArray(v) && v.some(isRecord)) {
    v.forEach((w, i) => leaves(w, `${path}[${nameOf(w) ?? i}]`, out));
    return out;
  }
  out.set(path, typeof v === 'string' ? v : Array.isArray(v) ? v.map(String).join(', ') : JSON.stringify(v));
  return out;
}

/** nameOf is what a list's item is called: it is itself also at another place. */
const nameOf = (v: unknown): string | undefined => (isRecord(v) && typeof v['name'] === 'string' ? v['name'] : undefined);

/** differences compares what an object was with what it became. */
export function differences(before: unknown, after: unknown): Difference[] {
  const was = leaves(before, '', new Map());
  const is = leaves(after, '', new Map());
  return [...new Set([...was.keys(), ...is.keys()])].map((path) => {
    const [b, a] = [was.get(path), is.get(path)];
    const kind = b === undefined ? 'added' : a === undefined ? 'removed' : a === b ? 'same' : 'changed';
    return { path, kind, before: b, after: a };
  });
}
