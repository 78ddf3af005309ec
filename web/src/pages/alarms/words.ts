import type { Schema } from '../../api/client';
import type { Tone } from '../../components/State';

export type Alarm = Schema['Alarm'];

export const severityTone: Record<Alarm['severity'], Tone> = { critical: 'bad', major: 'bad', warning: 'warning' };

export const isPresent = (a: Alarm): boolean => a.state === 'active' || a.state === 'flapping';

/** stateText says how an alarm is, where it is not simply there. */
export function stateText(a: Alarm): { tone: Tone; text: string } | undefined {
  switch (a.state) {
    case 'active':
      return undefined;
    case 'flapping':
      return { tone: 'warning', text: 'comes and goes' };
    case 'suppressed':
      return { tone: 'neutral', text: 'explained by another' };
    case 'cleared':
      return { tone: 'good', text: 'cleared' };
  }
}

/** Which states a choice of the filter has. */
export const shows = {
  present: ['active', 'flapping'],
  suppressed: ['suppressed'],
  cleared: ['cleared'],
  all: ['active', 'flapping', 'suppressed', 'cleared'],
} satisfies Record<string, Alarm['state'][]>;

export type Show = keyof typeof shows;
export const isShow = (v: string): v is Show => v in shows;

export const severities = ['warning', 'major', 'critical'] as const;
export const isSeverity = (v: string): v is Alarm['severity'] => severities.some((s) => s === v);

/** What is typed into a shell is written as it is typed. */
const command = /^(fcrctl|systemctl|timedatectl|journalctl)\b/;

/** sentence begins with a capital and ends with a full stop: the catalogue's texts are parts of sentences. */
export function sentence(text: string): string {
  const t = text.trim();
  if (t === '') return '';
  return (command.test(t) ? t : t.charAt(0).toUpperCase() + t.slice(1)) + (/[.!?]$/.test(t) ? '' : '.');
}
