/**
 * WWNs as people write them: 20:00:02:fc:01:00:00:01, with dashes or dots, in groups of any one even size (2000.02fc.0100.0001),
 * bare, with 0x or naa. before it. The appliance reads the same spellings (dataplane/frame).
 */

const groups = /^[0-9a-f]+(?:([:.-])[0-9a-f]+(?:\1[0-9a-f]+)*)?$/;

/** wwnOf is a WWN with colons, in small letters; undefined when the text is none. */
export function wwnOf(text: string): string | undefined {
  let t = text.trim().toLowerCase();
  if (t.startsWith('naa.')) t = t.slice(4);
  const prefixed = t.startsWith('0x');
  if (prefixed) t = t.slice(2);
  const match = groups.exec(t);
  if (match === null || (prefixed && match[1] !== undefined)) return undefined;
  const parts = match[1] === undefined ? [t] : t.split(match[1]);
  const size = parts[0]?.length ?? 0;
  // Uneven groups are more likely a slip than a spelling.
  if (size % 2 !== 0 || parts.some((p) => p.length !== size)) return undefined;
  const digits = parts.join('');
  return digits.length === 16 ? (digits.match(/../g)?.join(':') ?? undefined) : undefined;
}

// Up to 15 digits, a separator between any two of them or before the star; more stars may follow.
const starForm = /^[0-9a-f](?:[:.-]?[0-9a-f]){0,14}[:.-]?\*[*:.-]*$/i;
const lengthForm = /^(.+)\/([1-9]\d?)$/;

/** isMask says whether the text is one of several WWNs: 20:00:02:fc:*, or 20:00:02:fc:00:00:00:00/32, as the appliance reads them (dataplane/policy). */
export function isMask(text: string): boolean {
  const t = text.trim();
  if (starForm.test(t)) return true;
  const [, whole = '', length = '0'] = lengthForm.exec(t) ?? [];
  const wwn = wwnOf(whole);
  const free = 64n - BigInt(length);
  // What stands behind the bits that count must be 0: else it is more likely a slip.
  return wwn !== undefined && free >= 0n && BigInt(`0x${wwn.replaceAll(':', '')}`) % (1n << free) === 0n;
}

const longest = 64;
// What Go's unicode.IsPrint refuses: controls, formats, what is not assigned, and every space but the usual one.
const unprintable = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** nameProblem says what is wrong with the name of an alias or a set; undefined when nothing is. */
export function nameProblem(name: string): string | undefined {
  const characters = [...name];
  if (name === '') return 'Give it a name.';
  if (name === 'any') return 'The name any stands for everything.';
  if (characters.length > longest) return `It has ${characters.length} characters, more than ${longest}.`;
  if (name.trim() !== name) return 'It begins or ends with a space.';
  const odd = characters.find((c) => unprintable.test(c));
  if (odd !== undefined) return `It holds a character that does not print (U+${(odd.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}).`;
  if (wwnOf(name) !== undefined || isMask(name)) return 'It reads as a WWPN or a mask itself.';
  return undefined;
}
