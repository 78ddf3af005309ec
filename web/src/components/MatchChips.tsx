import './MatchChips.css';
import { Label, LabelGroup, Tooltip } from '@patternfly/react-core';
import { query, type Schema } from '../api/client';
import { asProblem } from '../api/problem';
import { plural } from './format';
import { termKind } from './MatchChipsTerms';
import type { On } from './usePending';
import { Name } from './Wwn';

type Match = Schema['Match'];

/** Meaning is what a name stands for. It is asked for when somebody points at it, not for each of thousands. */
function Meaning({ name, on }: { name: string; on: On }) {
  const params = { params: { path: { name }, query: { on } } };
  const alias = query.useQuery('get', '/api/v1/aliases/{name}', params, { retry: false });
  const set = query.useQuery('get', '/api/v1/sets/{name}', params, { retry: false, enabled: alias.error !== null && asProblem(alias.error).status === 404 });
  if (alias.data !== undefined) return <>Alias of {alias.data.wwpn}</>;
  if (set.data !== undefined) {
    const shown = set.data.members.slice(0, 8);
    const more = set.data.members.length - shown.length;
    return (
      <>
        Set of {shown.join(', ')}
        {more > 0 ? ` and ${plural(more, 'other')}` : ''}
      </>
    );
  }
  return <>{alias.isPending || (set.isPending && set.isFetching) ? 'Looking it up' : 'An alias or a set'}</>;
}

/** Term is an alias, a set, a WWPN or a mask. */
export function Term({ text, on, onClose }: { text: string; on: On; onClose?: () => void }) {
  const kind = termKind(text);
  const close = onClose === undefined ? {} : { onClose, closeBtnAriaLabel: `Remove ${text}` };
  if (kind !== 'name') {
    return (
      <Label isCompact variant="outline" {...close} title={kind === 'mask' ? 'A mask: all WWPNs that begin so' : 'A WWPN'}>
        <span className="fcr-mono">{text}</span>
      </Label>
    );
  }
  return (
    <Tooltip content={<Meaning name={text} on={on} />}>
      <Label isCompact variant="outline" tabIndex={0} {...close}>
        <Name name={text} />
      </Label>
    </Tooltip>
  );
}

/** Terms is one side of a match. None is any. */
export function Terms({ label, terms, on }: { label: string; terms: readonly string[] | undefined; on: On }) {
  if (terms === undefined || terms.length === 0) return <span className="fcr-subtle">any</span>;
  return (
    <LabelGroup aria-label={label} numLabels={4}>
      {terms.map((t) => (
        <Term key={t} text={t} on={on} />
      ))}
    </LabelGroup>
  );
}

/** MatchChips is what a policy is about: initiator → target, and VSANs where they matter. */
export function MatchChips({ match, on }: { match: Match; on: On }) {
  const vsan = match.vsan ?? [];
  if ((match.initiator?.length ?? 0) === 0 && (match.target?.length ?? 0) === 0 && vsan.length === 0) return <span>every flow</span>;
  return (
    <span className="fcr-match">
      <Terms label="Initiators" terms={match.initiator} on={on} />
      <span aria-hidden="true">→</span>
      <span className="pf-v6-screen-reader">to</span>
      <Terms label="Targets" terms={match.target} on={on} />
      {vsan.length === 0 ? null : <span>VSAN {vsan.join(', ')}</span>}
    </span>
  );
}
