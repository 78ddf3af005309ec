import { Alert } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { api, type Schema } from '../../api/client';
import { useChange } from '../../app/change';
import { useCan } from '../../app/session';
import { Problem } from '../../components/Problem';

/** Findings is what is wrong with one object of the pending configuration as it is saved, or hardly meant. */
export function Findings({ kind, name }: { kind: NonNullable<Schema['Finding']['kind']>; name: string }) {
  const may = useCan('change.read');
  const { change } = useChange();
  const found = useQuery({
    queryKey: ['post', '/api/v1/change/validate', change?.pending?.changed ?? '', change?.active.document ?? ''],
    queryFn: async () => (await api.POST('/api/v1/change/validate')).data,
    enabled: may && change !== undefined,
    staleTime: Infinity,
  });
  if (found.error !== null) return <Problem error={found.error} again={() => void found.refetch()} title="It could not be checked" />;
  const mine = found.data?.findings.filter((f) => f.kind === kind && f.name === name) ?? [];
  return (
    <>
      {mine.map((f) => (
        <Alert key={f.code + (f.field ?? '') + f.message} isInline variant={f.severity === 'error' ? 'danger' : 'warning'} title={f.message}>
          {f.cure}
        </Alert>
      ))}
    </>
  );
}
