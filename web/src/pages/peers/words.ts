import type { Schema } from '../../api/client';
import { count, duration, plural } from '../../components/format';
import type { Tone } from '../../components/State';

export type Peer = Schema['Peer'];

/** stateOf is a node's state in words, and how well that is. */
export function stateOf(p: Peer): { tone: Tone; text: string } {
  switch (p.state) {
    case 'alone':
      return { tone: 'neutral', text: 'this node, alone' };
    case 'self':
      return { tone: 'info', text: 'this node' };
    case 'no_certificate':
      return { tone: 'warning', text: 'has not joined' };
    case 'away':
      return { tone: 'bad', text: 'away' };
    case 'connected':
      return { tone: 'warning', text: 'catching up' };
    case 'synced':
      return { tone: 'good', text: 'in step' };
  }
}

export const isSelf = (p: Peer): boolean => p.state === 'alone' || p.state === 'self' || p.state === 'no_certificate';

/** loneText says who could take over from a node of which no others are known. */
export function loneText(own: Peer['state'] | undefined): string {
  const why = own === 'no_certificate' ? 'This node has not joined its cluster' : 'This node has no peers';
  return `${why}: nobody could take over from it.`;
}

/** lagOf is what a node does not have yet. */
export function lagOf(p: Peer): string {
  if (isSelf(p)) return '–';
  if (p.lag_updates === 0) return 'nothing';
  return `${plural(p.lag_updates, 'change')}, the oldest ${duration(p.lag_ms / 1000)} old`;
}

/** savingOf is how much less was sent than each change alone would have been. */
export function savingOf(stages: readonly Schema['PeerStage'][]): number | undefined {
  const alone = stages.find((s) => s.name === 'each_alone')?.bytes ?? 0;
  const sent = stages.at(-1)?.bytes ?? 0;
  return alone > 0 ? 1 - sent / alone : undefined;
}

const stages: Record<string, string> = {
  each_alone: 'Each change by itself',
  latest: 'The latest of each flow only',
  columns: 'As columns of differences',
  zstd: 'Compressed (zstd): what was sent',
};

export const stageText = (name: string): string => stages[name] ?? name;

const pairs: Record<string, { tone: Tone; text: string; more: string }> = {
  single: { tone: 'neutral', text: 'single', more: 'Its data plane forwards by itself; it was told of no partner.' },
  standby: { tone: 'info', text: 'standby', more: 'Its partner forwards; it keeps its tables ready to take over.' },
  active: { tone: 'good', text: 'active', more: 'It forwards frames.' },
  draining: { tone: 'warning', text: 'draining', more: 'It hands over: what came before still leaves by it.' },
  stopped: { tone: 'warning', text: 'stopped', more: 'It does not forward until it has heard of its partner.' },
};

export const pairOf = (state: string): { tone: Tone; text: string; more: string } => pairs[state] ?? { tone: 'neutral', text: state, more: '' };

/** readiness says in a sentence whether this node could take over, and why not. */
export function readiness(self: Peer | undefined): string {
  if (self === undefined) return '';
  if (self.ready) return `This node could take over: ${plural(self.programmed_logins, 'login')} and ${plural(self.programmed_flows, 'direction')} of its partner are in its data plane.`;
  return `This node could not take over: ${self.not_ready_because ?? 'it has not said why'}.`;
}

/** differences are what two nodes should have alike and have not. */
export function differences(p: Peer): string[] {
  const out: string[] = [];
  if (isSelf(p) || p.state === 'away') return out;
  if (!p.same_policy) out.push(`Its active policy (revision ${count(p.revision)}) is another one than this node’s: what it would do with a flow may differ.`);
  if (Math.abs(p.skew_ms) > 1000) out.push(`Its clock is ${duration(Math.abs(p.skew_ms) / 1000)} ${p.skew_ms > 0 ? 'ahead' : 'behind'}: nothing depends on it but the times in its events.`);
  if (!p.dataplane_alive) out.push('Its data plane does not run.');
  return out;
}
