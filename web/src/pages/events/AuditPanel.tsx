import { Button, DescriptionList, DrawerActions, DrawerCloseButton, DrawerHead, DrawerPanelBody, DrawerPanelContent, Switch, Title } from '@patternfly/react-core';
import { useState } from 'react';
import type { Schema } from '../../api/client';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';
import { doorText, resultTone } from './AuditTab';
import { differences } from './diff';
import { Line } from './EventPanel';

type Entry = Schema['Entry'];

/** Diff is what the object was beside what it became. */
function Diff({ before, after }: { before: unknown; after: unknown }) {
  const [all, setAll] = useState(false);
  const found = differences(before, after);
  const one = before === undefined || after === undefined;
  const rows = all || one ? found : found.filter((d) => d.kind !== 'same');
  if (found.length === 0) return <p className="fcr-subtle">The entry has no object’s state.</p>;
  return (
    <>
      {!one && <Switch label="Also what stayed the same" isChecked={all} onChange={(_, v) => setAll(v)} />}
      {rows.length === 0 && <p className="fcr-subtle">Nothing of it changed.</p>}
      {rows.length > 0 && (
        <table className="fcr-diff fcr-space" aria-label="Before and after">
          <thead>
            <tr>
              <th scope="col">Field</th>
              {before !== undefined && <th scope="col">Before</th>}
              {after !== undefined && <th scope="col">After</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map((d) => (
              <tr key={d.path} data-kind={d.kind}>
                <th scope="row">{d.path === '' ? 'whole' : d.path}</th>
                {before !== undefined && <td>{d.before === undefined ? '–' : d.kind === 'same' || one ? d.before : <del>{d.before}</del>}</td>}
                {after !== undefined && <td>{d.after === undefined ? '–' : d.kind === 'same' || one ? d.after : <ins>{d.after}</ins>}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** AuditPanel is one entry with all that it has. */
export function AuditPanel({ entry: e, onClose, onRequest, onWho }: { entry: Entry; onClose: () => void; onRequest: (id: string) => void; onWho: (who: string) => void }) {
  return (
    <DrawerPanelContent widths={{ default: 'width_50', '2xl': 'width_33' }} aria-label={`Entry ${e.number}`}>
      <DrawerHead>
        <Title headingLevel="h2" size="lg">
          Entry {e.number}
        </Title>
        <DrawerActions>
          <DrawerCloseButton onClick={onClose} />
        </DrawerActions>
      </DrawerHead>
      <DrawerPanelBody>
        <p>
          <bdi dir="auto">{e.text}</bdi>
        </p>
        <DescriptionList isHorizontal isCompact className="fcr-space" horizontalTermWidthModifier={{ default: '8rem' }}>
          <Line term="Time">
            <Time at={e.at} /> (<Time at={e.at} relative />)
          </Line>
          <Line term="Who">
            {e.who === undefined ? 'nobody known' : <Name name={e.who} />}
            {e.role === undefined ? '' : ` as ${e.role}`}{' '}
            {e.who !== undefined && (
              <Button variant="link" size="sm" isInline aria-label="Only what this account did" onClick={() => onWho(e.who ?? '')}>
                only these
              </Button>
            )}
          </Line>
          <Line term="From">
            <span className="fcr-mono">{e.address ?? 'this machine'}</span>
            {e.door === undefined ? '' : `, by ${doorText[e.door]}`}
          </Line>
          <Line term="Action">{e.action ?? '–'}</Line>
          <Line term="Object">{e.object ?? '–'}</Line>
          <Line term="Result">{e.result === undefined ? '–' : <State tone={resultTone[e.result]} text={e.code === undefined ? e.result : `${e.result}: ${e.code}`} />}</Line>
          <Line term="Type">
            <span className="fcr-mono">{e.type}</span>
          </Line>
          <Line term="Request">
            {e.request_id === undefined ? (
              '–'
            ) : (
              <Button variant="link" isInline onClick={() => onRequest(e.request_id ?? '')}>
                <span className="fcr-mono">{e.request_id}</span>
              </Button>
            )}
          </Line>
        </DescriptionList>
        <Title headingLevel="h3" size="md" className="fcr-space">
          {e.before === undefined ? 'After' : e.after === undefined ? 'Before' : 'Before and after'}
        </Title>
        <Diff before={e.before} after={e.after} />
      </DrawerPanelBody>
    </DrawerPanelContent>
  );
}
