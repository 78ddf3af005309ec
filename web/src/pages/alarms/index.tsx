import './alarms.css';
import { flags, quote, search } from '../../components/CopyAs';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { AlarmList } from './AlarmList';
import { Catalogue } from './Catalogue';
import { Mutes } from './Mutes';
import { filterOf, useAlarmView, type AlarmView } from './view';

function commandsOf(view: AlarmView) {
  if (view.tab === 'mutes') return { path: '/api/v1/alarms/mutes', fcrctl: 'alarm list-mutes' };
  if (view.tab === 'codes') return { path: '/api/v1/alarms/catalogue', fcrctl: 'alarm list-kinds' };
  if (view.open !== '') return { path: `/api/v1/alarms/${encodeURIComponent(view.open)}`, fcrctl: `alarm get ${quote(view.open)}` };
  const filter = filterOf(view);
  return { path: '/api/v1/alarms' + search(filter), fcrctl: `alarm list${flags(filter)}` };
}

/** The page of alarms: what is wrong, since when, what follows from it and what to do. */
export default function Alarms() {
  const [view, set] = useAlarmView();
  const tabs = [
    { id: 'alarms', title: 'Alarms', render: () => <AlarmList view={view} set={set} /> },
    { id: 'mutes', title: 'Mutes', render: () => <Mutes /> },
    { id: 'codes', title: 'All codes', render: () => <Catalogue search={view.search} onSearch={(v) => set({ search: v })} /> },
  ];
  return (
    <Page title="Alarms" text="What is wrong with this node, the most urgent first: what follows from it, and what to do." commands={commandsOf(view)}>
      <PageTabs label="Alarms" tabs={tabs} shown={view.tab} onShow={(tab) => set({ tab, open: '' }, true)} />
    </Page>
  );
}
