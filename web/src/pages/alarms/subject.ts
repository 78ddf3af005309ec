/** The subject of an alarm: "service/inspect", "port/edge0", "lcore/0", "store/0" (role and shard), "store/0/1", "store/0/lcore1" (its ring), "process/4711"; none for the node. */
export interface Subject {
  /** What it is called where its kind goes without saying: inspect, edge0, store/0. */
  name: string;
  /** The words for it: service inspect. */
  text: string;
  /** The page that shows it. */
  href?: string;
}

const named: Record<string, (name: string) => string> = {
  service: (n) => `/services?service=${n}`,
  port: (n) => `/ports?open=${n}`,
  peer: (n) => `/peers?peer=${n}`,
  capture: (n) => `/captures?open=${n}`,
  webhook: () => '/system?tab=webhooks',
  process: () => '/system?tab=roles',
  lcore: () => '/queues',
};

/** subjectOf reads a subject. */
export function subjectOf(subject: string | undefined): Subject {
  if (subject === undefined || subject === '') return { name: 'this node', text: 'this node' };
  const [kind = '', ...rest] = subject.split('/');
  const name = rest.join('/');
  const href = named[kind];
  if (href !== undefined && name !== '') return { name: kind === 'lcore' || kind === 'process' ? `${kind} ${name}` : name, text: `${kind} ${name}`, href: href(encodeURIComponent(name)) };
  if (/^\d+$/.test(rest[0] ?? '')) {
    const ring = rest.length > 1 && !/^\d+$/.test(rest[1] ?? '');
    return ring ? { name: subject, text: `ring ${subject}`, href: '/queues' } : { name: subject, text: `role ${subject}`, href: `/system?tab=roles&role=${encodeURIComponent(kind)}` };
  }
  return { name: subject, text: subject };
}
