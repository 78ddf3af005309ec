import type { Schema } from '../../api/client';
import { plural } from '../../components/format';

/** What the URL of the page holds. policy opens one; new opens the form for one, filled with what a flow has. */
export const usual = { on: 'pending', search: '', action: '', service: '', sort: 'position', policy: '', new: '', initiator: '', target: '', vsan: '' };
export type View = Record<keyof typeof usual, string>;

type Policy = Schema['PolicyItem'];
export type Action = Policy['action'];

const actions: readonly string[] = ['forward', 'redirect', 'mirror', 'drop'];
export const isAction = (text: string): text is Action => actions.includes(text);

export const actionWords: Record<Action, string> = { forward: 'Forward', redirect: 'Redirect', mirror: 'Mirror', drop: 'Drop' };

/** actionText says what a policy does with its flows. */
export function actionText(p: Pick<Policy, 'action' | 'frames'>): string {
  return p.action === 'mirror' && p.frames === 'commands' ? 'Mirror commands' : actionWords[p.action];
}

/** listQuery is what the list asks for. */
export function listQuery(v: View) {
  return {
    on: v.on === 'active' ? ('active' as const) : ('pending' as const),
    sort: v.sort,
    ...(v.search === '' ? {} : { search: v.search.slice(0, 64) }),
    ...(isAction(v.action) ? { action: v.action } : {}),
    ...(v.service === '' ? {} : { service: v.service }),
  };
}

/** whole says that all policies are listed in their order: then neighbours are neighbours. */
export const whole = (v: View): boolean => v.sort === 'position' && v.search === '' && v.action === '' && v.service === '';

/** unlisted is said below the policies that have to do with a flow: which others there are depends on what was asked. */
export const unlisted = (omitted: number): string => `${plural(omitted, 'more policy is', 'more policies are')} not listed.`;

/** effectOfDelete says what follows for traffic. */
export function effectOfDelete(p: Pick<Policy, 'hits' | 'disabled'>): string {
  const flows = p.hits?.flows ?? 0;
  if (p.disabled === true || flows === 0) return 'It decides no flow now.';
  return flows === 1 ? 'It decides one flow now: once this is applied, the policies behind it decide that one, or it is forwarded.' : `It decides ${flows} flows now: once this is applied, the policies behind it decide these, or they are forwarded.`;
}
