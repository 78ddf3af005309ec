import { Alert, Button } from '@patternfly/react-core';
import { useState } from 'react';
import { api, query, type Schema } from '../../api/client';
import { useCan } from '../../app/session';
import { DataTable, type Column } from '../../components/DataTable';
import { bytes } from '../../components/format';
import { JobProgress } from '../../components/JobProgress';
import { Time } from '../../components/Time';
import { Download, Forget, useMaking } from './archives';

type Bundle = Schema['Bundle'];

const path = '/api/v1/bundles';

const columns: readonly Column<Bundle>[] = [
  { id: 'id', title: 'Support bundle', render: (b) => <span className="fcr-mono">{b.id}</span> },
  { id: 'made', title: 'Made', render: (b) => <Time at={b.made} /> },
  { id: 'size', title: 'Size', number: true, render: (b) => bytes(b.size) },
  { id: 'file', title: 'File', render: (b) => <Download kind="bundles" id={b.id} /> },
];

/** Bundles are what support wants to see. */
export function Bundles() {
  const may = useCan('bundle.write');
  const { job, making, make, forget } = useMaking(path);
  const [deleting, remove] = useState<Bundle>();
  const list = query.useQuery('get', path, { params: { query: { limit: 200 } } });
  return (
    <div className="fcr-stack">
      <Alert
        isInline
        isPlain
        variant="info"
        title="A bundle has logs, settings in outline, counters, alarms, events, and what PostgreSQL and the kernel say; no secrets, and not the audit log. The newest 5 stay here."
      />
      {may && (
        <div>
          <Button isLoading={making} isDisabled={making} onClick={make}>
            Make support bundle
          </Button>
        </div>
      )}
      {job !== '' && <JobProgress id={job} onEnd={forget} />}
      <div>
        <DataTable
          label="Support bundles"
          columns={columns}
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
      {deleting !== undefined && (
        <Forget
          what={`support bundle ${deleting.id}`}
          action="Delete bundle"
          onClose={() => remove(undefined)}
          onConfirm={async () => {
            await api.DELETE('/api/v1/bundles/{id}', { params: { path: { id: deleting.id } } });
            forget();
          }}
        />
      )}
    </div>
  );
}
