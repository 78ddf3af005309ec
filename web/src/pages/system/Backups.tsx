import { Alert, Button, FileUpload, Flex } from '@patternfly/react-core';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, query, type Schema } from '../../api/client';
import { useCan } from '../../app/session';
import { DataTable, type Column } from '../../components/DataTable';
import { bytes } from '../../components/format';
import { FormModal } from '../../components/FormModal';
import { JobProgress } from '../../components/JobProgress';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';
import { Download, Forget, useMaking } from './archives';
import { Restore } from './Restore';

type Backup = Schema['Backup'];

const path = '/api/v1/backups';

const columns: readonly Column<Backup>[] = [
  { id: 'id', title: 'Backup', render: (b) => <span className="fcr-mono">{b.id}</span> },
  { id: 'made', title: 'Made', render: (b) => <Time at={b.manifest.made} /> },
  { id: 'by', title: 'By', render: (b) => `${b.manifest.by}${b.uploaded === true ? ', uploaded' : ''}` },
  { id: 'node', title: 'Node and version', render: (b) => `${b.manifest.node}, ${b.manifest.version}` },
  { id: 'revision', title: 'Policy', render: (b) => `revision ${b.manifest.revision}` },
  { id: 'size', title: 'Size', number: true, render: (b) => bytes(b.size) },
  { id: 'notes', title: 'Notes', render: (b) => b.manifest.notes?.join(' ') ?? '–' },
  { id: 'file', title: 'File', render: (b) => <Download kind="backups" id={b.id} /> },
];

function Upload({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const [file, setFile] = useState<File>();
  return (
    <FormModal
      title="Upload a backup"
      text="It is checked and kept; nothing of it is used until it is restored. A sixth uploaded one is refused until one of them is deleted."
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

/** Backups are made, downloaded, uploaded, restored. */
export function Backups() {
  const may = useCan('backup.write');
  const { job, follow, making, make, forget } = useMaking(path);
  const toast = useToast();
  const [pending, setPending] = useState('');
  const [asking, ask] = useState<{ what: 'upload' } | { what: 'restore' | 'delete'; backup: Backup }>();
  const list = query.useQuery('get', path, { params: { query: { limit: 200 } } });
  const close = () => ask(undefined);
  const ended = (j: Schema['Job']) => {
    forget();
    // A restore that made something pending says where that is.
    if (j.result?.link === '/api/v1/change') setPending(j.id);
  };
  return (
    <div className="fcr-stack">
      <Alert isInline isPlain variant="info" title="A backup has settings, policies, and accounts with hashes of their passwords; it is not encrypted. Keep it where keys are kept.">
        The newest 20 that were made here stay, and five uploaded ones besides.
      </Alert>
      {may && (
        <Flex>
          <Button isLoading={making} isDisabled={making} onClick={make}>
            Make backup
          </Button>
          <Button variant="secondary" onClick={() => ask({ what: 'upload' })}>
            Upload backup
          </Button>
        </Flex>
      )}
      {job !== '' && <JobProgress id={job} onEnd={ended} />}
      {job !== '' && pending === job && <Link href="/changes">Changes show what is pending</Link>}
      <div>
        <DataTable
          label="Backups"
          columns={columns}
          items={list.data?.items}
          keyOf={(b) => b.id}
          error={list.error}
          again={() => void list.refetch()}
          total={list.data?.total}
          emptyTitle="No backups"
          empty="Make one before you change much, and download it."
          rowActions={
            may
              ? (b) => [
                  { title: 'Restore', onClick: () => ask({ what: 'restore', backup: b }) },
                  { title: 'Delete', isDanger: true, onClick: () => ask({ what: 'delete', backup: b }) },
                ]
              : undefined
          }
        />
      </div>
      {asking?.what === 'upload' && (
        <Upload
          onClose={close}
          onDone={() => {
            toast({ title: 'The backup was uploaded', variant: 'success' });
            forget();
          }}
        />
      )}
      {asking?.what === 'restore' && <Restore backup={asking.backup} onJob={follow} onClose={close} />}
      {asking?.what === 'delete' && (
        <Forget
          what={`backup ${asking.backup.id}`}
          action="Delete backup"
          onClose={close}
          onConfirm={async () => {
            await api.DELETE('/api/v1/backups/{id}', { params: { path: { id: asking.backup.id } } });
            forget();
          }}
        />
      )}
    </div>
  );
}
