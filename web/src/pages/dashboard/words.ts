import type { Schema } from '../../api/client';
import type { Tone } from '../../components/State';

interface Word {
  tone: Tone;
  text: string;
}

/** peerState is the state of a peer in words. */
export function peerState(state: string): Word {
  switch (state) {
    case 'synced':
      return { tone: 'good', text: 'In step' };
    case 'connected':
      return { tone: 'info', text: 'Catching up' };
    case 'away':
      return { tone: 'bad', text: 'Not reached' };
    default:
      return { tone: 'neutral', text: 'Not joined' };
  }
}

/** outcomeOf is what came of a revision. */
export function outcomeOf(outcome: Schema['Revision']['outcome']): Word {
  switch (outcome) {
    case 'confirmed':
      return { tone: 'good', text: 'Confirmed' };
    case 'adopted':
      return { tone: 'neutral', text: 'Found running' };
    case 'applying':
      return { tone: 'info', text: 'Being applied' };
    case 'window':
      return { tone: 'info', text: 'On trial' };
    case 'reverted':
      return { tone: 'warning', text: 'Reverted' };
    case 'expired':
      return { tone: 'warning', text: 'Not confirmed' };
    case 'failed':
      return { tone: 'bad', text: 'Failed' };
  }
}

export function severityOf(severity: Schema['Alarm']['severity']): Word {
  if (severity === 'critical') return { tone: 'bad', text: 'Critical' };
  return severity === 'major' ? { tone: 'bad', text: 'Major' } : { tone: 'warning', text: 'Warning' };
}

/** eventTone is how an event is marked; what is usual is not. */
export function eventTone(severity: string): Word | undefined {
  if (severity === 'critical' || severity === 'error') return { tone: 'bad', text: severity === 'critical' ? 'Critical' : 'Error' };
  return severity === 'warning' ? { tone: 'warning', text: 'Warning' } : undefined;
}
