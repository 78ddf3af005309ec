import type { Schema } from '../../api/client';

export type Role = Schema['RoleInstance']['role'];
export type Order = 'restart' | 'stop' | 'start';

/** What is missing while a role does not work. Frames flow in any case: no role is in their way. */
const missing: Record<Role, string> = {
  api: 'This console and the API do not answer; the console reconnects by itself. Jobs and captures that run end, and webhooks are posted afterwards.',
  database:
    'A PostgreSQL of the node’s own ends with it; one that is configured goes on, and nobody looks after it. Without a database nothing can be edited and the past cannot be looked at; signing in, confirming and reverting go on. Events wait on disk, flow figures in the rings.',
  event:
    'Events are not shown, no webhook is posted, and what would change something is refused, since nobody writes down who did it; signing in, confirming and reverting go on. Events wait in memory: 4,096 of each process, and those of the data plane in its rings. What finds no room is lost; of the data plane, a gap says how many.',
  monitor: 'No alarm is raised, cleared or shown, and a role that is ill is not restarted.',
  peer: 'Nodes hear nothing of each other: who takes over meanwhile knows old things only, and no change is made that needs all nodes. What was missed comes afterwards.',
  store: 'Flow figures wait in the rings; when those are full, updates of a flow are merged into its latest.',
  telemetry: 'Live figures go on. The stored ones cannot be looked at, and those of ports have a gap afterwards.',
};

/** consequence says what follows from an order to a role. */
export function consequence(order: Order, role: Role): string {
  if (order === 'start') return 'It does its work again. Traffic is not affected.';
  return `${order === 'stop' ? 'Until it is started, also over a restart of its process:' : 'For a moment:'} ${missing[role]} Traffic is not affected.`;
}

/** ordersFor is what may be asked of a role: role api is not told to stop by whom it answers, and refuses it. */
export function ordersFor(role: Role, wanted: 'run' | 'stop'): readonly Order[] {
  if (wanted === 'stop') return ['start'];
  return role === 'api' ? ['restart'] : ['restart', 'stop'];
}
