/** What stands in a match: a WWPN, a mask, or the name of an alias or a set. Names never read as a WWN or a mask. */
export type TermKind = 'wwpn' | 'mask' | 'name';

const hex = /^[0-9a-f]+$/i;

/** digitsOf is the 16 digits of a WWN in any spelling: colons, dashes, dots, 0x or bare. undefined: it is none. */
export function digitsOf(text: string): string | undefined {
  const bare = text.trim().replace(/^0x/i, '').replace(/[:.-]/g, '');
  return bare.length === 16 && hex.test(bare) ? bare.toLowerCase() : undefined;
}

/** termKind says what a word in a match is. The appliance has the last word; this is for icons and for what may be typed freely. */
export function termKind(text: string): TermKind {
  const t = text.trim();
  if (digitsOf(t) !== undefined) return 'wwpn';
  const slash = /^(.+)\/(\d{1,2})$/.exec(t);
  if (slash?.[1] !== undefined && digitsOf(slash[1]) !== undefined && Number(slash[2]) <= 64) return 'mask';
  if (t.endsWith('*')) {
    const lead = t.slice(0, -1).replace(/^0x/i, '').replace(/[:.-]/g, '');
    if (lead.length <= 16 && (lead === '' || hex.test(lead))) return 'mask';
  }
  return 'name';
}

/** splitVsans makes the list of a match of what was typed: "10, 100-199". Nothing is any. */
export const splitVsans = (text: string): string[] =>
  text
    .split(/[\s,;]+/)
    .filter((t) => t !== '' && t.toLowerCase() !== 'any')
    .map((t) => t.replace('–', '-'));

export const joinVsans = (vsan: readonly string[] | undefined): string => (vsan ?? []).join(', ');
