import { Alert, AlertActionLink, Button, Flex, TextArea } from '@patternfly/react-core';
import { useRef, useState } from 'react';
import { api } from '../../api/client';
import { asProblem, type ApiError } from '../../api/problem';
import { useForgetConfiguration } from '../../app/change';
import { Problem } from '../../components/Problem';
import { useToast } from '../../components/Toasts';
import { DiffText } from './DiffText';
import { caretAt, faultsOf, offsetOf, type Fault } from './places';
import { unified } from './unified';
import { readDocument, type Text } from './useDocument';

function Faults({ faults, text, onGo }: { faults: readonly Fault[]; text: string; onGo: (f: Fault) => void }) {
  return (
    <Alert isInline variant="danger" title={faults.length === 1 ? 'The document has a fault; nothing was saved' : `The document has ${faults.length} faults; nothing was saved`} aria-live="assertive">
      {faults.map((f, i) => (
        <div key={i}>
          {f.line === undefined ? (
            <strong>{f.where}</strong>
          ) : (
            <Button variant="link" isInline onClick={() => onGo(f)}>
              {f.where}
            </Button>
          )}
          : {f.message}
          {f.line !== undefined && <pre className="fcr-caret">{caretAt(text, f.line, f.column)}</pre>}
        </div>
      ))}
    </Alert>
  );
}

/** Theirs is what somebody else made of the document meanwhile, against what was typed here. */
function Theirs({ theirs, mine, onTake, onKeep }: { theirs: Text; mine: string; onTake: () => void; onKeep: () => void }) {
  const text = unified(theirs.yaml, mine);
  return (
    <Alert
      isInline
      variant="warning"
      title="Somebody changed the configuration meanwhile; nothing was saved, and what you typed is still here"
      actionLinks={
        <>
          <AlertActionLink onClick={onTake}>Take theirs</AlertActionLink>
          <AlertActionLink onClick={onKeep}>Go on with mine</AlertActionLink>
        </>
      }
    >
      <p>From theirs to yours. Going on, the next “Save” takes back what they did where it differs.</p>
      {text === undefined ? null : text === '' ? <p>Both are the same by now.</p> : <DiffText text={text} label="Difference from theirs to yours" />}
    </Alert>
  );
}

/** DocumentEditor edits the whole pending configuration as YAML. What is saved is pending; nothing decides otherwise by it yet. */
export function DocumentEditor({ from, onClose }: { from: Text; onClose: () => void }) {
  const [base, setBase] = useState(from);
  const [text, setText] = useState(from.yaml);
  const [problem, setProblem] = useState<ApiError>();
  const [theirs, setTheirs] = useState<Text>();
  const [good, setGood] = useState(false);
  const [busy, setBusy] = useState<'check' | 'save'>();
  const area = useRef<HTMLTextAreaElement>(null);
  const forget = useForgetConfiguration();
  const toast = useToast();

  const send = async (dry: boolean) => {
    setBusy(dry ? 'check' : 'save');
    setProblem(undefined);
    setGood(false);
    try {
      await api.PUT('/api/v1/change/document', { params: { header: { 'If-Match': base.tag }, query: { form: 'yaml', ...(dry ? { dry_run: true } : {}) } }, body: { yaml: text } });
      if (dry) {
        setGood(true);
        return;
      }
      toast({ title: 'The document is pending', text: 'Look at what it changes, then apply it.', variant: 'success' });
      forget();
      onClose();
    } catch (e) {
      const p = asProblem(e);
      setProblem(p);
      if (p.status === 412) setTheirs(await readDocument('pending').catch(() => undefined));
    } finally {
      setBusy(undefined);
    }
  };

  const go = (f: Fault) => {
    const field = area.current;
    if (field === null || f.line === undefined) return;
    const at = offsetOf(text, f.line);
    const end = text.indexOf('\n', at);
    field.focus();
    field.setSelectionRange(at + Math.max(0, (f.column ?? 1) - 1), end < 0 ? text.length : end);
    field.scrollTop = (f.line - 4) * parseFloat(getComputedStyle(field).lineHeight);
  };

  const faults = problem === undefined || problem.status !== 422 ? [] : faultsOf(problem, text);
  const take = (t: Text, withText: boolean) => {
    setBase(t);
    if (withText) setText(t.yaml);
    setTheirs(undefined);
    setProblem(undefined);
  };
  return (
    <div className="fcr-stack">
      {theirs !== undefined && <Theirs theirs={theirs} mine={text} onTake={() => take(theirs, true)} onKeep={() => take(theirs, false)} />}
      {problem !== undefined && theirs === undefined && (faults.length > 0 ? <Faults faults={faults} text={text} onGo={go} /> : <Problem error={problem} />)}
      {good && <Alert isInline variant="success" title="The document is right" aria-live="polite">Whether its services are on ports that there are is said by the findings, once it is saved.</Alert>}
      <TextArea
        ref={area}
        className="fcr-document-edit"
        aria-label="The document as YAML"
        value={text}
        onChange={(_, v) => {
          setText(v);
          setGood(false);
        }}
        rows={24}
        spellCheck="false"
        wrap="off"
        resizeOrientation="vertical"
        validated={faults.length > 0 ? 'error' : 'default'}
      />
      <Flex gap={{ default: 'gapSm' }}>
        <Button isLoading={busy === 'save'} isDisabled={busy !== undefined || text === base.yaml} onClick={() => void send(false)}>
          Save as pending
        </Button>
        <Button variant="secondary" isLoading={busy === 'check'} isDisabled={busy !== undefined} onClick={() => void send(true)}>
          Check
        </Button>
        <Button variant="link" onClick={onClose}>
          {text === base.yaml ? 'Close' : 'Forget what I typed'}
        </Button>
      </Flex>
    </div>
  );
}
