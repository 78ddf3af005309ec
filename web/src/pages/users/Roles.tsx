import CheckIcon from '@patternfly/react-icons/dist/esm/icons/check-icon';
import { query, type Schema } from '../../api/client';
import { DataTable, type Column } from '../../components/DataTable';
import { roles, roleText } from '../../components/roles';

type Permission = Schema['Permission'];

const columns: readonly Column<Permission>[] = [
  { id: 'name', title: 'Permission', render: (p) => <span className="fcr-mono">{p.name}</span> },
  { id: 'text', title: 'What it allows', render: (p) => p.text },
  ...roles.map((r) => ({ id: r, title: r, info: roleText[r], render: (p: Permission) => (p.roles.includes(r) ? <CheckIcon role="img" aria-label="yes" /> : <span className="fcr-subtle" aria-label="no" role="img">–</span>) })),
];

/** Roles is which role may do what, as the appliance says it. */
export function Roles() {
  const list = query.useQuery('get', '/api/v1/permissions', { params: { query: { limit: 500 } } }, { staleTime: Infinity });
  return <DataTable label="Roles and their permissions" columns={columns} items={list.data?.items} keyOf={(p) => p.name} error={list.error} again={() => void list.refetch()} total={list.data?.total} emptyTitle="No permissions" empty="The appliance names none." />;
}
