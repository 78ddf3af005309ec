import { Alert, Button, Checkbox, FileUpload, Flex } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, query, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useCan } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { bytes, plural } from '../../components/format';
import { FormModal } from '../../components/FormModal';
import { JobProgress } from '../../components/JobProgress';
import { Problem } from '../../components/Problem';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';

type Backup = Schema['Backup'];
type Bundle = Schema['Bundle'];

const download = (kind: 'backups' | 'bundles', id: string) => (
  <a href={`/api/v1/${kind}/${id}/content`} download>
    Download<span className="pf-v6-screen-reader"> {id}</span>
  </a>
);

const backupColumns: readonly Column<Backup>[] = [
  { id: 'id', title: 'Backup', render: (b) => <span className="fcr-mono">{b.id}</span> },
  { id: 'made', title: 'Made', render: (b) => <Time at={b.manifest.made} /> },
  { id: 'by', title: 'By', render: (b) => `${b.manifest.by}${b.uploaded === true ? ', uploaded' : ''}` },
  { id: 'node', title: 'Node and version', render: (b) => `${b.manifest.node}, ${b.manifest.version}` },
  { id: 'revision', title: 'Policy', render: (b) => `revision ${b.manifest.revision}` },
  { id: 'size', title: 'Size', number: true, render: (b) => bytes(b.size) },
  { id: 'file', title: 'File', render: (b) => download('backups', b.id) },
];

const bundleColumns: readonly Column<Bundle>[] = [
  { id: 'id', title: 'Support bundle', render: (b) => <span className="fcr-mono">{b.id}</span> },
  { id: 'made', title: 'Made', render: (b) => <Time at={b.made} /> },
  { id: 'size', title: 'Size', number: true, render: (b) => bytes(b.size) },
  { id: 'file', title: 'File', render: (b) => download('bundles', b.id) },
];

function useForget(path: string) {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ queryKey: ['get', path] });
}

function Upload({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const [file, setFile] = useState<File>();
  return (
    <FormModal
      title="Upload a backup"
      text="It is checked and kept; nothing of it is used until it is restored."
      action="Upload"
      incomplete={file === undefined}
      onClose={onClose}
      onSubmit={async () => {
        // The body is the file as it is; its type in the schema is a text, for JSON has no other.
        await api.POST('/api/v1/backups/upload', { body: '', bodySerializer: () => file, headers: { 'Content-Type': 'application/zstd' } });
        onDone();
      }}
    >
      {() => (
        <FileUpload
          id="backup-file"
          filename={file?.name ?? ''}
          filenamePlaceholder="A .tar.zst file"
          browseButtonText="Choose file"
          aria-label="File of the backup"
          hideDefaultPreview
          onFileInputChange={(_, f) => setFile(f)}
          onClearClick={() => setFile(undefined)}
        />
      )}
    </FormModal>
  );
}

const none = { policy: true, pending: false, accounts: false, webhooks: false };
const partTexts = {
  policy: 'The policy that was in force, as the pending configuration',
  pending: 'What was pending then, instead',
  accounts: 'Accounts that are not there, with their passwords and tokens',
  webhooks: 'Webhooks that are not there, disabled: they need a new secret',
};
const partNames = ['policy', 'pending', 'accounts', 'webhooks'] as const;

const List = ({ names }: { names: readonly string[] }) => <bdi>{names.length === 0 ? 'none' : names.join(', ')}</bdi>;

/** Outcome is what a restore would bring, as the appliance found it without doing it. */
const Outcome = ({ o }: { o: Schema['RestoreOutcome'] }) => (
  <Alert isInline variant="info" title="This would come back">
    <p>Pending configuration: {o.policy ? 'replaced' : 'stays as it is'}.</p>
    <p>Accounts: <List names={o.accounts} />; {plural(o.tokens, 'token')}. Webhooks: <List names={o.webhooks} />.</p>
    {o.kept.length > 0 && <p>There already, and kept: <List names={o.kept} />.</p>}
    {o.notes?.map((n) => <p key={n}>{n}</p>)}
  </Alert>
);

/** Restore chooses parts, shows what would come back, and then does it. */
function Restore({ backup, onJob, onClose }: { backup: Backup; onJob: (id: string) => void; onClose: () => void }) {
  const [parts, setParts] = useState(none);
  const [outcome, setOutcome] = useState<Schema['RestoreOutcome']>();
  const [error, setError] = useState<unknown>();
  const body = { ...parts, policy: parts.policy && !parts.pending };
  const ask = async (dry_run: boolean) => {
    const { data } = await api.POST('/api/v1/backups/{id}/restore', { params: { path: { id: backup.id }, query: { dry_run } }, body });
    return data;
  };
  const choose = (part: keyof typeof none, chosen: boolean) => {
    setParts({ ...parts, [part]: chosen });
    setOutcome(undefined);
  };
  const look = async () => {
    setError(undefined);
    try {
      setOutcome((await ask(true))?.outcome);
    } catch (e) {
      setError(e);
    }
  };
  return (
    <Confirm
      title={`Restore from ${backup.id}?`}
      action="Restore"
      onClose={onClose}
      onConfirm={async () => {
        const job = (await ask(false))?.job;
        if (job !== undefined) onJob(job.id);
      }}
    >
      <div className="fcr-stack">
        <p>The policy arrives as the pending configuration, in place of what is pending now: nothing decides differently until it is reviewed and applied under Changes.</p>
        {partNames.map((p) => (
          <Checkbox key={p} id={`part-${p}`} label={partTexts[p]} isChecked={parts[p]} onChange={(_, v) => choose(p, v)} />
        ))}
        <div>
          <Button variant="secondary" onClick={() => void look()}>
            See what would come back
          </Button>
        </div>
        {error !== undefined && <Problem error={error} />}
        {outcome !== undefined && <Outcome o={outcome} />}
      </div>
    </Confirm>
  );
}

/** Backups are made, downloaded, uploaded, restored. */
export function Backups() {
  const path = '/api/v1/backups';
  const may = useCan('backup.write');
  const forget = useForget(path);
  const toast = useToast();
  const [job, setJob] = useState('');
  const [restored, setRestored] = useState('');
  const restoring = (id: string) => {
    setJob(id);
    setRestored(id);
  };
  const [asking, ask] = useState<{ what: 'upload' } | { what: 'restore' | 'delete'; backup: Backup }>();
  const list = query.useQuery('get', path, { params: { query: { limit: 200 } } });
  const make = query.useMutation('post', path, { onSuccess: (j) => setJob(j.id), onError: (e) => toast({ title: asProblem(e).title, text: asProblem(e).detail, variant: 'danger' }) });
  const close = () => ask(undefined);
  return (
    <div className="fcr-stack">
      <Alert isInline isPlain variant="info" title="A backup has settings, policies, and accounts with hashes of their passwords; it is not encrypted. Keep it where keys are kept. The newest 20 stay here." />
      {may && (
        <Flex>
          <Button isLoading={make.isPending} isDisabled={make.isPending} onClick={() => make.mutate({})}>
            Make backup
          </Button>
          <Button variant="secondary" onClick={() => ask({ what: 'upload' })}>
            Upload backup
          </Button>
        </Flex>
      )}
      {job !== '' && <JobProgress id={job} onEnd={forget} />}
      {restored !== '' && restored === job && <Link href="/changes">Changes show what is pending</Link>}
      <div>
        <DataTable
          label="Backups"
          columns={backupColumns}
          items={list.data?.items}
          keyOf={(b) => b.id}
          error={list.error}
          again={() => void list.refetch()}
          total={list.data?.total}
          emptyTitle="No backups"
          empty="Make one before you change much, and download it."
          rowActions={may ? (b) => [{ title: 'Restore', onClick: () => ask({ what: 'restore', backup: b }) }, { title: 'Delete', isDanger: true, onClick: () => ask({ what: 'delete', backup: b }) }] : undefined}
        />
      </div>
      {asking?.what === 'upload' && <Upload onDone={() => { toast({ title: 'The backup was uploaded', variant: 'success' }); forget(); }} onClose={close} />}
      {asking?.what === 'restore' && <Restore backup={asking.backup} onJob={restoring} onClose={close} />}
      {asking?.what === 'delete' && <Confirm title={`Delete backup ${asking.backup.id}?`} action="Delete backup" onClose={close} onConfirm={async () => { await api.DELETE('/api/v1/backups/{id}', { params: { path: { id: asking.backup.id } } }); forget(); }}>It is gone from this node; copies that were downloaded stay.</Confirm>}
    </div>
  );
}

/** Bundles are what support wants to see. */
export function Bundles() {
  const path = '/api/v1/bundles';
  const may = useCan('bundle.write');
  const forget = useForget(path);
  const toast = useToast();
  const [job, setJob] = useState('');
  const [deleting, remove] = useState<Bundle>();
  const list = query.useQuery('get', path, { params: { query: { limit: 200 } } });
  const make = query.useMutation('post', path, { onSuccess: (j) => setJob(j.id), onError: (e) => toast({ title: asProblem(e).title, text: asProblem(e).detail, variant: 'danger' }) });
  return (
    <div className="fcr-stack">
      <Alert isInline isPlain variant="info" title="A bundle has logs, settings in outline, counters, alarms, events, and what PostgreSQL and the kernel say; no secrets, and not the audit log. The newest 5 stay here." />
      {may && <div><Button isLoading={make.isPending} isDisabled={make.isPending} onClick={() => make.mutate({})}>Make support bundle</Button></div>}
      {job !== '' && <JobProgress id={job} onEnd={forget} />}
      <div>
        <DataTable
          label="Support bundles"
          columns={bundleColumns}
          items={list.data?.items}
          keyOf={(b) => b.id}
          error={list.error}
          again={() => void list.refetch()}
          total={list.data?.total}
          emptyTitle="No support bundles"
          empty="Make one when support asks for it, or before you restart something that behaves oddly."
          rowActions={may ? (b) => [{ title: 'Delete', isDanger: true, onClick: () => remove(b) }] : undefined}
        />
      </div>
      {deleting !== undefined && <Confirm title={`Delete support bundle ${deleting.id}?`} action="Delete bundle" onClose={() => remove(undefined)} onConfirm={async () => { await api.DELETE('/api/v1/bundles/{id}', { params: { path: { id: deleting.id } } }); forget(); }}>It is gone from this node; copies that were downloaded stay.</Confirm>}
    </div>
  );
}
