import { Button, Content } from '@patternfly/react-core';
import PlusIcon from '@patternfly/react-icons/dist/esm/icons/plus-icon';
import { useMemo, useState } from 'react';
import { useCan } from '../../app/session';
import { api, query } from '../../api/client';
import { Bar } from '../../components/Bar';
import { Confirm } from '../../components/Confirm';
import { DataTable, type Column } from '../../components/DataTable';
import { bytes, count } from '../../components/format';
import { Page } from '../../components/Page';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';
import { useUrlState } from '../../components/useUrlState';
import { Name } from '../../components/Wwn';
import { asProblem } from '../../api/problem';
import { useLiveList, useNow } from '../../live';
import { Start } from './Start';
import { fileName, filterText, isOver, limitsText, missedText, part, stateOf, type Capture } from './words';

/** Under way shows how far it is; what is over can be had. */
function Progress({ capture }: { capture: Capture }) {
  const now = useNow(1000);
  if (isOver(capture)) return <State {...stateOf(capture)} title={capture.why} />;
  return (
    <span>
      <State {...stateOf(capture)} /> <Bar part={part(capture, now)} warnAt={2} />
    </span>
  );
}

const Download = ({ capture }: { capture: Capture }) =>
  capture.frames === 0 ? (
    <span className="fcr-subtle">nothing yet</span>
  ) : (
    <a href={`/api/v1/captures/${encodeURIComponent(capture.id)}/pcapng`} download={fileName(capture)} aria-label={`Download ${filterText(capture.filter)}, ${count(capture.frames)} frames`}>
      Download
    </a>
  );

const columns: Column<Capture>[] = [
  {
    id: 'filter',
    title: 'Frames of',
    render: (c) => (
      <>
        <Name name={filterText(c.filter)} />
        {c.note === undefined ? null : (
          <div className="fcr-subtle">
            <Name name={c.note} />
          </div>
        )}
      </>
    ),
  },
  { id: 'state', title: 'State', render: (c) => <Progress capture={c} /> },
  { id: 'started', title: 'Started', sort: 'started', render: (c) => <Time at={c.started} relative /> },
  { id: 'owner', title: 'By', render: (c) => <Name name={c.owner} /> },
  { id: 'limits', title: 'Until', render: (c) => limitsText(c.limits) },
  { id: 'frames', title: 'Frames', number: true, render: (c) => count(c.frames) },
  { id: 'bytes', title: 'File', number: true, render: (c) => bytes(c.bytes) },
  { id: 'missed', title: 'Missed', render: missedText, info: 'Frames that were wanted and not copied, so that the data plane keeps its pace' },
  { id: 'file', title: 'pcapng', render: (c) => <Download capture={c} /> },
];

const keyOf = (c: Capture) => c.id;
const newest = (a: Capture, b: Capture) => b.started.localeCompare(a.started) || b.id.localeCompare(a.id);

/** Captures of frames, while they run and afterwards. */
export default function Captures() {
  const [view, set] = useUrlState({ new: '', flow: '', port: '', open: '' });
  const may = useCan('capture.start');
  const toast = useToast();
  const [deleting, setDeleting] = useState<Capture>();
  const live = useLiveList<Capture>('captures', undefined, keyOf);
  const list = query.useQuery('get', '/api/v1/captures', { params: { query: { limit: 100 } } }, { enabled: live.data === undefined || live.stale, refetchInterval: 5_000 });
  const items = useMemo(() => (live.data !== undefined && !live.stale ? live.data : list.data?.items)?.toSorted(newest), [live, list.data]);

  const stop = async (c: Capture) => {
    try {
      await api.POST('/api/v1/captures/{id}/stop', { params: { path: { id: c.id } } });
    } catch (e) {
      toast({ title: asProblem(e).title, text: asProblem(e).detail, variant: 'danger' });
    }
  };
  const rowActions = (c: Capture) => [...(isOver(c) ? [] : [{ title: 'Stop', onClick: () => void stop(c) }]), { title: 'Delete…', isDanger: true, onClick: () => setDeleting(c) }];
  const close = () => set({ new: '', flow: '', port: '' });

  return (
    <Page
      title="Captures"
      text="Frames as they were received, in files for Wireshark."
      commands={{ path: '/api/v1/captures', fcrctl: 'capture list' }}
      actions={
        may ? (
          <Button icon={<PlusIcon />} onClick={() => set({ new: '1' }, true)}>
            Start a capture
          </Button>
        ) : undefined
      }
    >
      <DataTable
        label="Captures"
        columns={columns}
        items={items}
        keyOf={keyOf}
        error={items === undefined ? list.error : null}
        again={() => void list.refetch()}
        openKey={view.open}
        {...(may ? { rowActions } : {})}
        emptyTitle="There are no captures"
        empty={may ? 'Start one here, or from a flow or a port.' : 'Who may start one is an operator.'}
      />
      <Content component="small" className="fcr-subtle">
        A file opens in Wireshark by a double click, or with <code>wireshark FILE</code>; <code>tshark -r FILE -Y fc</code> prints its FC frames. Files are kept for a week, 64 of
        them and 1 GiB at most: a new one takes the place of the oldest.
      </Content>
      {may && view.new !== '' && (
        <Start
          key={view.flow + view.port}
          flow={view.flow}
          port={view.port}
          onClose={close}
          onStarted={(open) => {
            set({ new: '', flow: '', port: '', open });
          }}
        />
      )}
      {deleting !== undefined && (
        <Confirm
          title={`Delete the capture of ${filterText(deleting.filter)}`}
          action="Delete"
          onClose={() => setDeleting(undefined)}
          onConfirm={() => api.DELETE('/api/v1/captures/{id}', { params: { path: { id: deleting.id } } })}
        >
          Its file with {count(deleting.frames)} frames goes for good{isOver(deleting) ? '' : ', and no more frames are captured'}.
        </Confirm>
      )}
    </Page>
  );
}
