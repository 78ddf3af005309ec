import type { Schema } from '../api/client';

/** Roles of accounts and tokens, from the least on. */
export type Role = Schema['Me']['role'];

export const roles: readonly Role[] = ['viewer', 'operator', 'policy-admin', 'admin'];

/** roleText says what a role may do. */
export const roleText: Record<Role, string> = {
  viewer: 'Looks at everything but captures and the audit log',
  operator: 'Also runs the appliance: roles, alarms, captures, counters',
  'policy-admin': 'Also decides what is redirected: policies, services, aliases, changes',
  admin: 'Does everything, also accounts, tokens, backups and updates',
};

/** rolesWithin are the roles not above one. Operator and policy-admin are beside each other: neither has what the other has. */
export function rolesWithin(role: Role): readonly Role[] {
  if (role === 'admin') return roles;
  return role === 'viewer' ? ['viewer'] : ['viewer', role];
}
