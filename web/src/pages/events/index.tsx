import './events.css';
import { useCan } from '../../app/session';
import { quote, search } from '../../components/CopyAs';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { AuditTab } from './AuditTab';
import { EventsTab } from './EventsTab';
import { ExportMenu } from './ExportMenu';
import { flat, queryOf } from './filter';
import { auditQuery, useRecordsView, type RecordsView } from './view';

/** words are a command's flags, quoted for a shell. */
const words = (flags: Record<string, string | undefined>): string =>
  Object.entries(flags)
    .map(([k, v]) => (v === undefined || v === '' ? '' : ` --${k} ${quote(v)}`))
    .join('');

function commandsOf(view: RecordsView, audit: boolean) {
  if (audit) {
    const { request_id, ...q } = auditQuery(view);
    return { path: '/api/v1/audit' + search({ ...q, request_id }), fcrctl: 'audit list' + words({ ...q, 'request-id': request_id }) };
  }
  const q = flat(queryOf(view));
  const path = '/api/v1/events' + search(q);
  // fcrctl's list knows of types and a beginning only.
  const { type, since, ...rest } = q;
  return Object.values(rest).some((v) => v !== undefined) ? { path } : { path, fcrctl: 'event list' + words({ type, since }) };
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
