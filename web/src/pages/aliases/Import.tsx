import { Alert, Button, FormGroup, ModalBody, ModalFooter, ModalHeader, Progress, TextArea } from '@patternfly/react-core';
import { useMemo, useRef, useState } from 'react';
import { api, ifMatch } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useForgetConfiguration } from '../../app/change';
import { DataTable, type Column } from '../../components/DataTable';
import { Dialog } from '../../components/Dialog';
import { plural } from '../../components/format';
import { State, type Tone } from '../../components/State';
import { useToast } from '../../components/Toasts';
import { Name } from '../../components/Wwn';
import type { Alias } from './names';
import { maxLines, pasted, type Pasted } from './paste';

const look: Record<Pasted['what'], { tone: Tone; text: string }> = {
  new: { tone: 'good', text: 'new' },
  changed: { tone: 'warning', text: 'replaces' },
  same: { tone: 'neutral', text: 'there already' },
  wrong: { tone: 'bad', text: 'left out' },
};

const columns: readonly Column<Pasted>[] = [
  { id: 'line', title: 'Line', number: true, render: (p) => String(p.line) },
  { id: 'name', title: 'Name', render: (p) => <Name name={p.name === '' ? p.text : p.name} /> },
  { id: 'wwpn', title: 'WWPN', render: (p) => <span className="fcr-mono">{p.wwpn}</span> },
  { id: 'what', title: 'What', render: (p) => <State {...look[p.what]} /> },
  { id: 'why', title: 'Why', render: (p) => p.why ?? '' },
];

const keyOf = (p: Pasted) => String(p.line);

interface Run {
  done: number;
  of: number;
  failed: { row: Pasted; why: string }[];
  over: boolean;
}

/** useImport writes one alias after the other, and says how far it is. What fails does not stop the rest; a lock that somebody has does. */
function useImport() {
  const [run, setRun] = useState<Run>();
  const stopped = useRef(false);
  const forget = useForgetConfiguration();
  const start = async (rows: readonly Pasted[]): Promise<Run> => {
    stopped.current = false;
    const now: Run = { done: 0, of: rows.length, failed: [], over: false };
    for (const row of rows) {
      if (stopped.current) break;
      try {
        const header = row.version === undefined ? { 'If-None-Match': '*' } : ifMatch(row.version);
        await api.PUT('/api/v1/aliases/{name}', { params: { path: { name: row.name }, header }, body: { wwpn: row.wwpn } });
      } catch (e) {
        const p = asProblem(e);
        now.failed.push({ row, why: p.fields?.[0]?.message ?? p.detail ?? p.title });
        if (p.code === 'locked' || p.status === 401 || p.status === 403 || p.status === 0) stopped.current = true;
      }
      now.done++;
      setRun({ ...now });
    }
    now.over = true;
    setRun({ ...now });
    forget();
    return now;
  };
  return {
    run,
    start,
    stop: () => {
      stopped.current = true;
    },
  };
}

const Outcome = ({ run }: { run: Run }) => (
  <>
    <Progress title="Aliases written" value={run.of === 0 ? 100 : (run.done / run.of) * 100} label={`${run.done} of ${run.of}`} />
    {run.failed.length > 0 && (
      <Alert isInline variant="danger" title={`${plural(run.failed.length, 'alias was', 'aliases were')} refused`}>
        <ul>
          {run.failed.slice(0, 50).map(({ row, why }) => (
            <li key={row.line}>
              Line {row.line}, <Name name={row.name} />: {why}
            </li>
          ))}
        </ul>
      </Alert>
    )}
  </>
);

/** Import makes many aliases of a pasted list. What is wrong is shown before anything is written. */
export function Import({ aliases, onClose }: { aliases: readonly Alias[]; onClose: () => void }) {
  const [text, setText] = useState('');
  // What is there when it begins is what the preview is about: the list changes while it is written.
  const there = useRef(aliases).current;
  const rows = useMemo(() => pasted(text, there), [text, there]);
  const useful = useMemo(() => rows.filter((r) => r.what === 'new' || r.what === 'changed'), [rows]);
  const wrong = rows.filter((r) => r.what === 'wrong').length;
  const { run, start, stop } = useImport();
  const toast = useToast();
  const busy = run !== undefined && !run.over;
  const go = async () => {
    const r = await start(useful);
    if (r.failed.length > 0 || r.done < r.of) return;
    toast({ title: `${plural(r.done, 'alias is', 'aliases are')} in the pending configuration`, text: 'They are pending until the changes are applied.', variant: 'success' });
    onClose();
  };
  return (
    <Dialog variant="large" onClose={onClose} busy={busy} aria-labelledby="import-title">
      <ModalHeader title="Import aliases" labelId="import-title" description="A name and a WWPN a line, in any spelling; or what switches print: device-alias name N pwwn W, alicreate &quot;N&quot;,&quot;W&quot;." />
      <ModalBody>
        {run === undefined ? (
          <FormGroup label="List" fieldId="import-list">
            <TextArea id="import-list" value={text} onChange={(_, v) => setText(v)} rows={6} resizeOrientation="vertical" spellCheck={false} className="fcr-mono" autoFocus placeholder={'host-1 20:00:02:fc:01:00:00:01\nhost-2 200002fc01000002'} />
          </FormGroup>
        ) : (
          <Outcome run={run} />
        )}
        {run === undefined && rows.length > 0 && (
          <div className="fcr-space">
            <p role="status">
              {plural(useful.length, 'alias', 'aliases')} to write{wrong === 0 ? '' : `, ${plural(wrong, 'line is', 'lines are')} left out`}
              {rows.length >= maxLines ? `; only the first ${maxLines} lines are read` : ''}.
            </p>
            <div className="fcr-names-preview">
              <DataTable label="What is read" columns={columns} items={rows} keyOf={keyOf} emptyTitle="" empty="" />
            </div>
          </div>
        )}
      </ModalBody>
      <ModalFooter>
        {run === undefined && (
          <Button isDisabled={useful.length === 0} onClick={() => void go()}>
            {useful.length === 0 ? 'Import' : `Import ${plural(useful.length, 'alias', 'aliases')}`}
          </Button>
        )}
        {busy && (
          <Button variant="secondary" onClick={stop}>
            Stop
          </Button>
        )}
        <Button variant="link" onClick={onClose} isDisabled={busy}>
          {run === undefined ? 'Cancel' : 'Close'}
        </Button>
      </ModalFooter>
    </Dialog>
  );
}
