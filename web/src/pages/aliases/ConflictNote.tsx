import { Alert, AlertActionLink } from '@patternfly/react-core';
import { Name } from '../../components/Wwn';

/** ConflictNote shows what somebody else made of it meanwhile beside what was typed, and lets one decide. */
export function ConflictNote({ mine, theirs, onOver, onTheirs }: { mine: string; theirs: string | undefined; onOver?: () => void; onTheirs: () => void }) {
  return (
    <Alert
      isInline
      variant="warning"
      title={theirs === undefined ? 'Somebody deleted it meanwhile' : 'Somebody changed it meanwhile'}
      aria-live="polite"
      actionLinks={
        <>
          {onOver !== undefined && <AlertActionLink onClick={onOver}>Save mine over it</AlertActionLink>}
          <AlertActionLink onClick={onTheirs}>{theirs === undefined ? 'Leave it so' : 'Keep theirs'}</AlertActionLink>
        </>
      }
    >
      <dl className="fcr-names-conflict">
        <dt>Theirs</dt>
        <dd>{theirs === undefined ? 'nothing' : <Name name={theirs} />}</dd>
        <dt>Mine</dt>
        <dd>
          <Name name={mine} />
        </dd>
      </dl>
    </Alert>
  );
}
