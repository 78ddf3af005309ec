import type { Schema } from '../api/client';
import { verdictDetail } from './DryRunWords';
import { Name } from './Wwn';

type Verdict = Schema['Verdict'];

const words: Record<Verdict['action'], string> = { forward: 'forward', redirect: 'redirect to', mirror: 'mirror to', drop: 'drop' };

/** VerdictText is a verdict in words: redirect to inspect, by policy inspect-host-1. */
export function VerdictText({ verdict, policy = true }: { verdict: Verdict; policy?: boolean }) {
  const detail = verdictDetail(verdict);
  return (
    <span>
      <strong>
        {words[verdict.action]}
        {verdict.service === undefined || verdict.service === '' ? null : (
          <>
            {' '}
            <Name name={verdict.service} />
          </>
        )}
      </strong>
      {detail === '' ? null : ` (${detail})`}
      {!policy ? null : (
        <span className="fcr-subtle">
          {verdict.policy === undefined || verdict.policy === '' ? ', by no policy' : ', by '}
          {verdict.policy === undefined || verdict.policy === '' ? null : <Name name={verdict.policy} />}
        </span>
      )}
    </span>
  );
}
