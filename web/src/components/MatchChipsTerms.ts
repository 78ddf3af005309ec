import { isMask, wwnOf } from './wwn';

/** What stands in a match: a WWPN, a mask, or the name of an alias or a set. Names never read as a WWN or a mask. */
export type TermKind = 'wwpn' | 'mask' | 'name';

/** termKind says what a word in a match is. The appliance has the last word; this is for icons and for what may be typed freely. */
export const termKind = (text: string): TermKind => (wwnOf(text) !== undefined ? 'wwpn' : isMask(text) ? 'mask' : 'name');

/** splitVsans makes the list of a match of what was typed: "10, 100-199". Nothing is any. */
export const splitVsans = (text: string): string[] =>
  text
    .split(/[\s,;]+/)
    .filter((t) => t !== '' && t.toLowerCase() !== 'any')
    .map((t) => t.replace('–', '-'));

export const joinVsans = (vsan: readonly string[] | undefined): string => (vsan ?? []).join(', ');
