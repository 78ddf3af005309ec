import { plural } from '../../components/format';
import type { Tone } from '../../components/State';

const day = 86_400_000;

/** validity says how long a certificate is valid yet, and whether that is worth a thought: a month is what an issuer and a change window take. */
export function validity(notBefore: string, notAfter: string, at: number): { tone: Tone; text: string } {
  const begins = Date.parse(notBefore);
  const ends = Date.parse(notAfter);
  if (at < begins) return { tone: 'bad', text: `not valid yet, in ${plural(Math.ceil((begins - at) / day), 'day')}` };
  if (at >= ends) {
    const ago = Math.floor((at - ends) / day);
    return { tone: 'bad', text: ago === 0 ? 'ran out today' : `ran out ${plural(ago, 'day')} ago` };
  }
  const left = Math.floor((ends - at) / day);
  if (left < 7) return { tone: 'bad', text: left === 0 ? 'less than a day left' : `${plural(left, 'day')} left` };
  return { tone: left < 30 ? 'warning' : 'good', text: `${plural(left, 'day')} left` };
}
