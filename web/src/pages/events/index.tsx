import './events.css';
import { useCan } from '../../app/session';
import { flags, search } from '../../components/CopyAs';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { AuditTab } from './AuditTab';
import { EventsTab } from './EventsTab';
import { ExportMenu } from './ExportMenu';
import { flat, queryOf } from './filter';
import { auditQuery, useRecordsView, type RecordsView } from './view';

function commandsOf(view: RecordsView, audit: boolean) {
  if (audit) {
    const q = auditQuery(view);
    return { path: '/api/v1/audit' + search(q), fcrctl: 'audit list' + flags(q) };
  }
  const q = queryOf(view);
  return { path: '/api/v1/events' + search(q), fcrctl: 'event list' + flags(q) };
}

/** The page of records: what happened, and who did what. */
export default function Records() {
  const [view, set] = useRecordsView();
  const mayAudit = useCan('audit.read');
  const audit = view.tab === 'audit' && mayAudit;
  const tabs = [
    { id: 'events', title: 'Events', render: () => <EventsTab view={view} set={set} /> },
    ...(mayAudit ? [{ id: 'audit', title: 'Audit', render: () => <AuditTab view={view} set={set} /> }] : []),
  ];
  const { request_id, ...auditParams } = auditQuery(view);
  return (
    <Page
      title="Audit and events"
      text={mayAudit ? 'What happened on this node, and who did what.' : 'What happened on this node.'}
      actions={audit ? <ExportMenu path="/api/v1/audit/export" params={{ ...auditParams, request_id }} /> : <ExportMenu path="/api/v1/events/export" params={flat(queryOf(view))} />}
      commands={commandsOf(view, audit)}
    >
      <PageTabs label="Records" tabs={tabs} shown={view.tab} onShow={(tab) => set({ tab, open: '', since: '', until: '' }, true)} />
    </Page>
  );
}
