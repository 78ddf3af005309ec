export interface Suggestion {
  value: string;
  /** Said beside it: the WWPN of an alias. */
  text?: string;
}

/** More are not listed: one types on. */
const listedMost = 50;

/** matching are the suggestions that have the text in them, those that begin with it first. */
export function matching(suggestions: readonly Suggestion[], text: string): Suggestion[] {
  const t = text.trim().toLowerCase();
  if (t === '') return suggestions.slice(0, listedMost);
  const bare = t.replaceAll(/[:.-]/g, '');
  const has = (s: Suggestion) =>
    [s.value, s.text ?? ''].some((text) => text.toLowerCase().includes(t) || (bare.length >= 4 && text.toLowerCase().replaceAll(':', '').includes(bare)));
  const found = suggestions.filter(has);
  const first = found.filter((s) => s.value.toLowerCase().startsWith(t));
  return [...first, ...found.filter((s) => !first.includes(s))].slice(0, listedMost);
}
