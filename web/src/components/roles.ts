import type { Schema } from '../api/client';

/** Roles of accounts and tokens, from the least on. */
export type Role = Schema['Me']['role'];

export const roles: readonly Role[] = ['viewer', 'operator', 'policy-admin', 'admin'];

/** roleText says what a role may do. */
export const roleText: Record<Role, string> = {
  viewer: 'Looks at everything but captures, webhooks, the audit log, backups, support bundles, and the accounts, sessions and tokens of others',
  operator: 'Also runs the appliance: roles, alarms, captures, jobs, counters of ports and flows ahead of their first frame; sees webhooks',
  'policy-admin': 'Also decides what is redirected: edits aliases, sets, services and policies, and applies them',
  admin: 'Does everything, also accounts, tokens, webhooks, backups, support bundles, hand-overs and the certificate; sees the audit log',
};

/** rolesWithin are the roles not above one. Operator and policy-admin are beside each other: neither has what the other has. */
export function rolesWithin(role: Role): readonly Role[] {
  if (role === 'admin') return roles;
  return role === 'viewer' ? ['viewer'] : ['viewer', role];
}
