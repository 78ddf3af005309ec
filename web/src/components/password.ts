/**
 * A hint while somebody types a password. The appliance decides (mgmt/auth/password.go) and knows what everybody tries first;
 * this says early what is plain to see.
 */

/** What the appliance wants, in characters. */
const passwordMin = 12;

interface Strength {
  /** error: the appliance will refuse it. */
  tone: 'error' | 'warning' | 'success';
  text: string;
}

const characters = (text: string): string[] => [...text];

/** rowLength is how many characters follow each other as in the alphabet or as digits do, at most. */
function rowLength(text: string): number {
  let most = 1;
  for (const step of [1, -1]) {
    let length = 1;
    for (let i = 1; i < text.length; i++) {
      length = text.charCodeAt(i) - text.charCodeAt(i - 1) === step ? length + 1 : 1;
      most = Math.max(most, length);
    }
  }
  return most;
}

/** strengthOf says what a password is like; nothing while there is none. */
export function strengthOf(password: string, name: string): Strength | undefined {
  if (password === '') return undefined;
  const all = characters(password);
  const folded = password.toLowerCase();
  const without = name === '' ? folded : folded.replaceAll(name.toLowerCase(), '');
  const missing = passwordMin - all.length;
  if (missing > 0) return { tone: 'error', text: missing === 1 ? '1 more character' : `${missing} more characters` };
  if (without.replace(/[\s\d!?.,\-_#*+@$%&]/g, '') === '' && without !== folded) return { tone: 'error', text: 'It is made of the name of the account' };
  const different = new Set(characters(folded)).size;
  if (different < 5) return { tone: 'error', text: 'It has hardly any different characters' };
  if (rowLength(folded) * 2 >= all.length) return { tone: 'warning', text: 'Weak: a row of neighbouring characters is tried first' };
  if (all.length < 16 || different < 8) return { tone: 'warning', text: 'Long enough. A few words more make it much harder to guess' };
  return { tone: 'success', text: all.length >= 24 ? 'Very good' : 'Good' };
}
