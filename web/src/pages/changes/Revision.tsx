import { Alert, Button, Card, CardBody, CardHeader, CardTitle, DescriptionList, Skeleton, Title, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useState } from 'react';
import { query, type Schema } from '../../api/client';
import { Fact } from '../../components/Facts';
import { duration } from '../../components/format';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';
import { DiffText } from './DiffText';
import { outcomes } from './steps';
import { unified } from './unified';

/** useText is the document of a revision. It never changes. */
const useText = (revision: number) =>
  query.useQuery('get', '/api/v1/change/history/{revision}/document', { params: { path: { revision }, query: { form: 'yaml' } } }, { enabled: revision > 0, staleTime: Infinity });

const Facts = ({ of: r }: { of: Schema['Revision'] }) => (
  <DescriptionList isCompact columnModifier={{ default: '2Col', xl: '3Col' }} aria-label="Revision">
    <Fact term="Outcome">
      <State tone={outcomes[r.outcome].tone} text={outcomes[r.outcome].text} />
      {r.why === undefined || r.why === '' ? '' : ` ${r.why}`}
    </Fact>
    <Fact term="Applied">
      <Time at={r.applied} /> by <Name name={r.by} />
    </Fact>
    <Fact term="Settled">
      <Time at={r.settled} />
      {r.settled_by === undefined || r.settled_by === '' ? '' : <> by <Name name={r.settled_by} /></>}
    </Fact>
    <Fact term="To be confirmed within">{r.window_s === 0 ? 'at once' : duration(r.window_s)}</Fact>
    <Fact term="Made from">{r.base === 0 ? 'nothing' : `revision ${r.base}`}</Fact>
    <Fact term="Ticket">{r.ticket === undefined || r.ticket === '' ? '–' : <Name name={r.ticket} />}</Fact>
    <Fact term="Note">{r.note === undefined || r.note === '' ? '–' : <Name name={r.note} />}</Fact>
    <Fact term="SHA-256 of the document">
      <span className="fcr-mono" title={r.document}>
        {r.document === '' ? 'not known' : r.document.slice(0, 16) + '…'}
      </span>
    </Fact>
  </DescriptionList>
);

/** Against is the difference from the revision that this one was made from. */
function Against({ base, before, after }: { base: number; before: string; after: string }) {
  const text = unified(before, after);
  if (text === undefined) return <Alert isInline variant="info" title="The two documents differ in too many lines to be shown side by side">Look at the document instead.</Alert>;
  if (text === '') return <p>It is the same document as revision {base}.</p>;
  return <DiffText text={text} label={base === 0 ? 'Difference from nothing' : `Difference from revision ${base}`} />;
}

function Text({ of: r, whole }: { of: Schema['Revision']; whole: boolean }) {
  const based = r.base > 0 && r.base !== r.revision;
  const after = useText(r.revision);
  const before = useText(based && !whole ? r.base : 0);
  const error = after.error ?? (whole ? null : before.error);
  if (error !== null) return <Problem error={error} again={() => void Promise.all([after.refetch(), before.refetch()])} title="The document cannot be shown" />;
  if (after.data === undefined || (based && !whole && before.data === undefined)) return <Skeleton screenreaderText="Reading" height="8rem" />;
  if (whole)
    return (
      <pre className="fcr-document" tabIndex={0} role="region" aria-label={`Document of revision ${r.revision}`}>
        {after.data.yaml}
      </pre>
    );
  return <Against base={based ? r.base : 0} before={based ? (before.data?.yaml ?? '') : ''} after={after.data.yaml ?? ''} />;
}

/** Revision is one of the history: what came of it, and what it changed. */
export function Revision({ number, onClose }: { number: number; onClose?: () => void }) {
  const [whole, setWhole] = useState(false);
  const { data, error, refetch } = query.useQuery('get', '/api/v1/change/history/{revision}', { params: { path: { revision: number } } });
  const base = data === undefined || data.base === 0 || data.base === number ? 'what it began with' : `revision ${data.base}`;
  return (
    <Card component="section" aria-label={`Revision ${number}`}>
      <CardHeader
        actions={{
          actions: (
            <>
              <ToggleGroup aria-label="What is shown of it">
                <ToggleGroupItem text={`Changes against ${base}`} isSelected={!whole} onChange={() => setWhole(false)} />
                <ToggleGroupItem text="Document" isSelected={whole} onChange={() => setWhole(true)} />
              </ToggleGroup>
              {onClose !== undefined && (
                <Button variant="link" onClick={onClose}>
                  Close
                </Button>
              )}
            </>
          ),
        }}
      >
        <CardTitle>
          <Title headingLevel="h2" size="lg">
            Revision {number}
          </Title>
        </CardTitle>
      </CardHeader>
      <CardBody className="fcr-stack">
        {error !== null && <Problem error={error} again={() => void refetch()} />}
        {data === undefined && error === null && <Skeleton screenreaderText="Reading" height="4rem" />}
        {data !== undefined && (
          <>
            <Facts of={data} />
            <Text of={data} whole={whole} />
          </>
        )}
      </CardBody>
    </Card>
  );
}
