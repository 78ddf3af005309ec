import { ExpandableSection } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api } from '../../api/client';
import { useCan } from '../../app/session';
import { plural } from '../../components/format';
import { Problem } from '../../components/Problem';
import { Name } from '../../components/Wwn';
import { unlisted } from '../policies/view';
import type { Flow } from './order';

const policyHref = (name: string) => `/policies?${new URLSearchParams({ policy: name }).toString()}`;

/** What is asked about a flow: its ends by WWPN, as they are known. */
const question = (f: Flow) => ({ initiator: f.initiator, target: f.target, vsan: f.vsan, on: 'active' as const, limit: 100, all: false });

/** Why says which policy decides about a flow, and why those before it do not: the appliance's own evaluator is asked. */
export function Why({ flow }: { flow: Flow }) {
  const may = useCan('policy.read');
  const body = question(flow);
  const { data, error, refetch } = useQuery({
    // What the flow says of its verdict is part of the key: when that changes, the reason is asked for again.
    queryKey: ['post', '/api/v1/policies/evaluate', body, flow.policy, flow.verdict, flow.state],
    queryFn: async ({ signal }) => (await api.POST('/api/v1/policies/evaluate', { body, signal })).data,
    enabled: may,
    staleTime: 30_000,
  });
  const decided =
    flow.policy === undefined ? (
      <span>as no policy matches it: it goes its direct way.</span>
    ) : (
      <span>
        by policy{' '}
        <Link href={policyHref(flow.policy)}>
          <Name name={flow.policy} />
        </Link>
        .
      </span>
    );
  const others = data?.rules.filter((r) => !r.decides) ?? [];
  const decides = data?.rules.find((r) => r.decides);
  return (
    <>
      {decided}
      {!flow.evaluated && flow.state !== 'waiting' && <p className="fcr-subtle">This verdict is older than the active configuration, or than a login of this flow: it is asked for again with its next frame at the latest.</p>}
      {error !== null && <Problem error={error} again={() => void refetch()} />}
      {decides !== undefined && (
        <p>
          Policy {decides.position} {decides.why}.
        </p>
      )}
      {data !== undefined && (others.length > 0 || data.omitted > 0) && (
        <ExpandableSection toggleText={others.length > 0 ? `Why ${plural(others.length, 'other policy does', 'other policies do')} not` : 'Other policies'}>
          <ol className="fcr-flow-rules">
            {others.map((r) => (
              <li key={r.policy} value={r.position}>
                <Name name={r.policy} />: {r.why}
              </li>
            ))}
          </ol>
          {data.omitted > 0 && <p className="fcr-subtle">{unlisted(data.omitted)}</p>}
        </ExpandableSection>
      )}
    </>
  );
}
