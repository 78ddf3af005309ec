import { useSession } from '../../app/session';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { useUrlState } from '../../components/useUrlState';
import { Backups } from './Backups';
import { Bundles } from './Bundles';
import { CertificateTab } from './Certificate';
import { Jobs } from './Jobs';
import { Overview } from './Overview';
import { Roles } from './Roles';
import { Webhooks } from './Webhooks';

const commands = {
  overview: { path: '/api/v1/system', fcrctl: 'system get' },
  roles: { path: '/api/v1/roles', fcrctl: 'role list' },
  backups: { path: '/api/v1/backups', fcrctl: 'backup list' },
  bundles: { path: '/api/v1/bundles', fcrctl: 'bundle list' },
  webhooks: { path: '/api/v1/webhooks', fcrctl: 'webhook list' },
  certificate: { path: '/api/v1/certificate', fcrctl: 'certificate get' },
  jobs: { path: '/api/v1/jobs', fcrctl: 'job list' },
};
const isTab = (v: string): v is keyof typeof commands => v in commands;

/** The page of the appliance itself. */
export default function System() {
  const { can } = useSession();
  const [view, set] = useUrlState({ tab: 'overview', role: '' });
  const tabs = [
    { id: 'overview', title: 'Overview', render: () => <Overview /> },
    ...(can('role.read') ? [{ id: 'roles', title: 'Services and roles', render: () => <Roles role={view.role} onRole={(role) => set({ role })} /> }] : []),
    ...(can('backup.read') ? [{ id: 'backups', title: 'Backups', render: () => <Backups /> }] : []),
    ...(can('bundle.read') ? [{ id: 'bundles', title: 'Support bundle', render: () => <Bundles /> }] : []),
    ...(can('webhook.read') ? [{ id: 'webhooks', title: 'Webhooks', render: () => <Webhooks /> }] : []),
    ...(can('system.read') ? [{ id: 'certificate', title: 'Certificate', render: () => <CertificateTab /> }] : []),
    ...(can('job.read') ? [{ id: 'jobs', title: 'Jobs', render: () => <Jobs /> }] : []),
  ];
  return (
    <Page title="System" text="The node itself: how it fares, who does its work, and what is kept of it." commands={commands[isTab(view.tab) ? view.tab : 'overview']}>
      <PageTabs label="System" tabs={tabs} shown={view.tab} onShow={(tab) => set({ tab, role: '' }, true)} />
    </Page>
  );
}
