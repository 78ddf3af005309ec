import { Button, Flex, Skeleton, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useEffect, useRef, useState } from 'react';
import { useChange } from '../../app/change';
import { useSession } from '../../app/session';
import { Problem } from '../../components/Problem';
import { DocumentEditor } from './DocumentEditor';
import { offsetOf } from './places';
import { stepsOf } from './steps';
import { useDocument, type Text } from './useDocument';

/** Whole is the document as it is, with a line that somebody came for. */
function Whole({ yaml, line }: { yaml: string; line: number }) {
  const mark = useRef<HTMLElement>(null);
  useEffect(() => mark.current?.scrollIntoView({ block: 'center' }), [line, yaml]);
  const from = line > 0 ? offsetOf(yaml, line) : yaml.length;
  const end = line > 0 ? yaml.indexOf('\n', from) : -1;
  const to = end < 0 ? yaml.length : end;
  return (
    <pre className="fcr-document" tabIndex={0} role="region" aria-label="The document as YAML">
      {yaml.slice(0, from)}
      {line > 0 && <mark ref={mark}>{yaml.slice(from, to)}</mark>}
      {yaml.slice(to)}
    </pre>
  );
}

/** Download gives the document as a file: what fcrctl diff and fcrctl apply take. */
function download(yaml: string, name: string) {
  const url = URL.createObjectURL(new Blob([yaml], { type: 'application/yaml' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** Document is the whole configuration as one text: to read, to take along, and to edit. */
export function Document({ on, onOn, line }: { on: 'pending' | 'active'; onOn: (on: 'pending' | 'active') => void; line: number }) {
  const { change } = useChange();
  const { me, can } = useSession();
  const { data, error, refetch } = useDocument(on);
  const [editing, setEditing] = useState<Text>();
  const may = change !== undefined && stepsOf(change, me.name, can).edit;
  if (editing !== undefined) return <DocumentEditor from={editing} onClose={() => setEditing(undefined)} />;
  if (error !== null && data === undefined) return <Problem error={error} again={() => void refetch()} />;
  return (
    <div className="fcr-stack">
      <div className="fcr-changes-head">
        <p className="fcr-subtle">
          {on === 'active' ? 'What the data plane decides by.' : change?.pending === undefined ? 'Nothing is pending: this is what decides.' : 'What decides once it is applied.'} Lines of findings are those of this text.
        </p>
        <Flex gap={{ default: 'gapSm' }}>
          <ToggleGroup aria-label="Configuration">
            <ToggleGroupItem text="Pending" isSelected={on === 'pending'} onChange={() => onOn('pending')} />
            <ToggleGroupItem text="Active" isSelected={on === 'active'} onChange={() => onOn('active')} />
          </ToggleGroup>
          <Button variant="secondary" isDisabled={data === undefined} onClick={() => data !== undefined && download(data.yaml, `${on}-${change?.active.revision ?? 0}.yaml`)}>
            Download
          </Button>
          {may && on === 'pending' && (
            <Button isDisabled={data === undefined} onClick={() => setEditing(data)}>
              Edit
            </Button>
          )}
        </Flex>
      </div>
      {data === undefined ? <Skeleton screenreaderText="Reading" height="20rem" /> : <Whole yaml={data.yaml} line={line} />}
    </div>
  );
}
