import { useSession } from '../../app/session';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { Sessions } from '../../components/Sessions';
import { Tokens } from '../../components/Tokens';
import { useUrlState } from '../../components/useUrlState';
import { Accounts } from './Accounts';
import { Roles } from './Roles';

const commands = {
  accounts: { path: '/api/v1/users', fcrctl: 'user list' },
  tokens: { path: '/api/v1/tokens?owner=*', fcrctl: "token list --owner '*'" },
  sessions: { path: '/api/v1/sessions?user=*', fcrctl: "session list --user '*'" },
  roles: { path: '/api/v1/permissions?limit=500', fcrctl: 'permission list' },
};
const isTab = (v: string): v is keyof typeof commands => v in commands;

/** The page of who may come in: accounts, tokens of programs, sessions of people, and what each role may do. */
export default function Users() {
  const { can } = useSession();
  const [view, set] = useUrlState({ tab: 'accounts' });
  const tabs = [
    { id: 'accounts', title: 'Accounts', render: () => <Accounts /> },
    ...(can('token.read') ? [{ id: 'tokens', title: 'Tokens', render: () => <Tokens owner="*" /> }] : []),
    ...(can('session.read') ? [{ id: 'sessions', title: 'Sessions', render: () => <Sessions owner="*" /> }] : []),
    { id: 'roles', title: 'Roles', render: () => <Roles /> },
  ];
  return (
    <Page title="Users and tokens" text="Who may come in, and do what: people have accounts, programs have tokens." commands={commands[isTab(view.tab) ? view.tab : 'accounts']}>
      <PageTabs label="Users and tokens" tabs={tabs} shown={view.tab} onShow={(tab) => set({ tab }, true)} />
    </Page>
  );
}
