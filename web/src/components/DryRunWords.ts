import type { Schema } from '../api/client';
import { count } from './format';

type Verdict = Schema['Verdict'];

/** verdictDetail is the part of a verdict in which two of one action and service may differ. */
export function verdictDetail(v: Verdict): string {
  const parts: string[] = [];
  if (v.frames === 'commands') parts.push('commands alone');
  if (v.on_failure === 'block') parts.push('block on failure');
  if (v.on_failure === 'bypass') parts.push('bypass on failure');
  return parts.join(', ');
}

/** verdictKey is the same for verdicts that read the same. */
export const verdictKey = (v: Verdict): string => [v.action, v.service ?? '', v.frames ?? '', v.on_failure ?? '', v.policy ?? ''].join('\u0000');

/** spanText is how far back one looks: 10 minutes, hour, 6 hours, day. */
export function spanText(minutes: number): string {
  if (minutes === 1440) return 'day';
  if (minutes === 60) return 'hour';
  if (minutes === 1) return 'minute';
  return minutes % 60 === 0 ? `${minutes / 60} hours` : `${minutes} minutes`;
}

/** dryRunSentence says what came of a run: "Of the 1,234 flows of the last 10 minutes, 14 change verdict." */
export function dryRunSentence(run: Pick<Schema['DryRun'], 'flows' | 'changed' | 'minutes'>): string {
  const last = `the last ${spanText(run.minutes)}`;
  if (run.flows === 0) return `There were no flows in ${last}, so nothing can be said about any.`;
  if (run.flows === 1) return `The one flow of ${last} ${run.changed === 0 ? 'keeps its' : 'changes'} verdict.`;
  if (run.changed === 0) return `All ${count(run.flows)} flows of ${last} keep their verdict.`;
  return `Of the ${count(run.flows)} flows of ${last}, ${count(run.changed)} ${run.changed === 1 ? 'changes' : 'change'} verdict.`;
}
