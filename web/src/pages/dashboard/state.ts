import type { Schema } from '../../api/client';
import { count, plural } from '../../components/format';
import type { Tone } from '../../components/State';

/** What becomes of what a service should get while it is down. */
export type Effect = 'block' | 'bypass' | 'copies';

/** What the sentence is made of. What is not known yet is undefined, and then nothing is said of it. */
export interface Facts {
  /** The connection to the appliance: what is shown is of now. */
  connected: boolean;
  /** The data plane runs. */
  alive: boolean | undefined;
  ports: readonly { name: string; role: string; up: boolean; pair?: string }[] | undefined;
  services: readonly { name: string; up: boolean; effects: readonly Effect[] | undefined; used: boolean }[] | undefined;
  alarms: readonly { code: string; severity: 'warning' | 'major' | 'critical'; title: string; consequence: string; subject?: string }[] | undefined;
  /** A revision that is taken back unless somebody confirms it. */
  trial: { revision: number; secondsLeft: number } | undefined;
  /** The data plane decides by something else than what was confirmed. */
  drift: boolean;
  peers: readonly { name: string; partner: boolean; away: boolean }[] | undefined;
  flows: number | undefined;
  redirected: number | undefined;
}

/** What is said: the sentence, and what else is to be known. */
export interface Verdict {
  tone: Tone;
  sentence: string;
  more: string[];
}

interface Finding {
  tone: 'bad' | 'warning' | 'info';
  text: string;
  /** Alarms that say the same. */
  codes?: readonly string[];
}

const list = (names: readonly string[]): string => {
  if (names.length > 3) return `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
};

/** capital begins a sentence. */
export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function ofPlane(f: Facts): Finding[] {
  if (f.alive !== false) return [];
  return [
    {
      tone: 'bad',
      text: 'The data plane does not run: no frame crosses this node, and hosts use their other paths if they have any.',
      codes: ['dataplane.gone', 'dataplane.control-stalled', 'lcore.stalled', 'port.down', 'service.down'],
    },
  ];
}

function ofPorts(f: Facts): Finding[] {
  const down = (f.ports ?? []).filter((p) => !p.up && p.role !== 'service').map((p) => p.name);
  if (down.length === 0) return [];
  const which = down.length === 1 ? `Port ${list(down)} has no link: no frame crosses its pair` : `${plural(down.length, 'port')} (${list(down)}) have no link: no frame crosses their pairs`;
  return [{ tone: 'bad', text: `${which}, and hosts use their other paths if they have any.`, codes: ['port.down'] }];
}

/**
 * effectsOf is what becomes of the flows of a service while it is down. A policy's word is above the service's, and different policies
 * may say different things. What is mirrored goes its way in any case.
 */
export function effectsOf(
  service: Pick<Schema['ServiceItem'], 'name' | 'mode' | 'on_failure'>,
  policies: readonly Pick<Schema['PolicyItem'], 'action' | 'service' | 'on_failure' | 'disabled'>[] | undefined,
): readonly Effect[] | undefined {
  if (service.mode === 'mirror') return ['copies'];
  const said = policies?.filter((p) => p.action === 'redirect' && p.service === service.name && p.disabled !== true).map((p) => p.on_failure ?? service.on_failure ?? 'bypass');
  return said && (['block', 'bypass'] as const).filter((e) => said.includes(e));
}

/** What follows, the worst first; the last is that of which it is not known. */
const effects: readonly (readonly [effects: string, text: (it: string, is: string) => string])[] = [
  ['block', (it, is) => `: flows that ${it} should see are stopped until ${it} ${is} back`],
  ['block bypass', (it, is) => `: as policies say, flows that ${it} should see are stopped until ${it} ${is} back, or take the direct way`],
  ['bypass', (it) => `: flows that ${it} should see take the direct way`],
  ['copies', (it) => `: ${it} ${it === 'it' ? 'gets' : 'get'} no copies, and the flows themselves go on`],
  ['', () => ''],
];

function ofServices(f: Facts): Finding[] {
  const down = (f.services ?? []).filter((s) => !s.up && s.used);
  return effects.flatMap(([which, text]): Finding[] => {
    const some = down.filter((s) => (s.effects ?? []).join(' ') === which);
    if (some.length === 0) return [];
    const [it, is] = some.length === 1 ? ['it', 'is'] : ['they', 'are'];
    return [{ tone: 'bad', text: `${plural(some.length, 'service')} ${is} down (${list(some.map((s) => s.name))})${text(it, is)}.`, codes: ['service.down'] }];
  });
}

function ofChange(f: Facts): Finding[] {
  const out: Finding[] = [];
  if (f.drift) out.push({ tone: 'bad', text: 'The data plane decides by another configuration than the one that was confirmed.', codes: ['change.drift'] });
  if (f.trial !== undefined) {
    out.push({ tone: 'info', text: `Revision ${f.trial.revision} decides on trial: it is taken back in ${f.trial.secondsLeft} s unless somebody confirms it.` });
  }
  return out;
}

function ofPeers(f: Facts): Finding[] {
  const away = (f.peers ?? []).filter((p) => p.away);
  if (away.length === 0) return [];
  const partner = away.find((p) => p.partner);
  if (partner !== undefined) {
    return [{ tone: 'warning', text: `The partner ${partner.name} cannot be reached: if this node fails now, the partner knows old things only.`, codes: ['peer.unreachable'] }];
  }
  return [{ tone: 'warning', text: `${plural(away.length, 'peer')} cannot be reached (${list(away.map((p) => p.name))}).`, codes: ['peer.unreachable'] }];
}

/** ofAlarms are those that nothing else has said yet. */
function ofAlarms(f: Facts, said: ReadonlySet<string>): Finding[] {
  return (f.alarms ?? [])
    .filter((a) => !said.has(a.code) && a.severity !== 'warning')
    .map((a) => ({ tone: 'bad' as const, text: `${capital(a.title)}${a.subject === undefined ? '' : ` (${a.subject})`}: ${a.consequence}.` }));
}

/** flows says what is there, in words. */
function traffic(f: Facts): string {
  const parts: string[] = [];
  if (f.flows !== undefined) {
    parts.push(f.flows === 0 ? 'no flows yet' : plural(f.flows, 'flow'));
    if (f.flows > 0 && f.redirected !== undefined) parts.push(f.redirected === 0 ? 'none redirected' : `${count(f.redirected)} redirected`);
  }
  const used = (f.services ?? []).filter((s) => s.used);
  if (used.length === 1) parts.push(`service ${used[0]?.name ?? ''} up`);
  else if (used.length > 1) parts.push('all services up');
  return parts.join(', ');
}

/** verdict is the state of the appliance as an admin would say it: the worst first, then what else there is. */
export function verdict(f: Facts): Verdict {
  if (!f.connected) return { tone: 'warning', sentence: 'There is no connection to the appliance: what is shown here is old.', more: [] };
  const plane = ofPlane(f);
  // Ports and services of a data plane that does not run tell nothing of their own.
  const direct = [...plane, ...(plane.length > 0 ? [] : [...ofPorts(f), ...ofServices(f)]), ...ofPeers(f), ...ofChange(f)];
  const said = new Set(direct.flatMap((d) => d.codes ?? []));
  const findings = [...direct, ...ofAlarms(f, said)];
  const rank = { bad: 0, warning: 1, info: 2 };
  findings.sort((a, b) => rank[a.tone] - rank[b.tone]);
  const what = traffic(f);
  const [first, ...others] = findings;
  if (first !== undefined) {
    const more = others.map((o) => o.text);
    if (first.tone === 'info' && what !== '') more.push(`All else is well: ${what}.`);
    return { tone: first.tone, sentence: first.text, more };
  }
  if (f.alive === undefined || f.alarms === undefined) return { tone: 'neutral', sentence: 'Asking the appliance how it is.', more: [] };
  const warnings = f.alarms.filter((a) => !said.has(a.code));
  const end = what === '' ? '.' : `: ${what}.`;
  if (warnings.length === 0) return { tone: 'good', sentence: `All is well${end}`, more: [] };
  const one = warnings.length === 1 ? warnings[0] : undefined;
  return { tone: 'good', sentence: `Storage traffic is well${end}`, more: [one === undefined ? `${plural(warnings.length, 'warning')}, see below.` : `1 warning: ${one.title}.`] };
}
