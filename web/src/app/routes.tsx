import { lazy, type ComponentType, type LazyExoticComponent } from 'react';

/** A page of the console. key is what follows g on the keyboard. */
export interface Route {
  path: string;
  title: string;
  group: Group;
  /** The permission without which it is not offered. */
  needs?: string;
  key?: string;
  Page: LazyExoticComponent<ComponentType>;
}

export const groups = ['Storage traffic', 'Configuration', 'Appliance', 'Records', 'Administration'] as const;
type Group = (typeof groups)[number];

export const routes: readonly Route[] = [
  { path: '/', title: 'Dashboard', group: 'Storage traffic', key: 'd', Page: lazy(() => import('../pages/dashboard')) },
  { path: '/topology', title: 'Topology', group: 'Storage traffic', needs: 'flow.read', key: 't', Page: lazy(() => import('../pages/topology')) },
  { path: '/flows', title: 'Flows', group: 'Storage traffic', needs: 'flow.read', key: 'f', Page: lazy(() => import('../pages/flows')) },
  { path: '/policies', title: 'Policies', group: 'Configuration', needs: 'policy.read', key: 'p', Page: lazy(() => import('../pages/policies')) },
  { path: '/services', title: 'Services', group: 'Configuration', needs: 'service.read', key: 's', Page: lazy(() => import('../pages/services')) },
  { path: '/aliases', title: 'Aliases', group: 'Configuration', needs: 'alias.read', key: 'a', Page: lazy(() => import('../pages/aliases')) },
  { path: '/changes', title: 'Changes', group: 'Configuration', needs: 'change.read', key: 'c', Page: lazy(() => import('../pages/changes')) },
  { path: '/ports', title: 'Ports', group: 'Appliance', needs: 'port.read', key: 'o', Page: lazy(() => import('../pages/ports')) },
  { path: '/queues', title: 'Queues', group: 'Appliance', needs: 'ring.read', key: 'q', Page: lazy(() => import('../pages/queues')) },
  { path: '/peers', title: 'Peers', group: 'Appliance', needs: 'peer.read', key: 'e', Page: lazy(() => import('../pages/peers')) },
  { path: '/alarms', title: 'Alarms', group: 'Records', needs: 'alarm.read', key: 'l', Page: lazy(() => import('../pages/alarms')) },
  { path: '/events', title: 'Audit and events', group: 'Records', needs: 'event.read', key: 'v', Page: lazy(() => import('../pages/events')) },
  { path: '/captures', title: 'Captures', group: 'Records', needs: 'capture.read', key: 'x', Page: lazy(() => import('../pages/captures')) },
  { path: '/users', title: 'Users and tokens', group: 'Administration', needs: 'user.read', key: 'u', Page: lazy(() => import('../pages/users')) },
  { path: '/system', title: 'System', group: 'Administration', needs: 'system.read', key: 'y', Page: lazy(() => import('../pages/system')) },
];

/** account is everybody's own page, reached by the menu of the masthead. */
export const account: Route = { path: '/account', title: 'My account', group: 'Administration', Page: lazy(() => import('../pages/account')) };
