import { api, ifMatch, query, type Schema } from '../../api/client';
import type { ObjectKind } from '../../components/useObjectEditor';
import { bodyOf, emptyForm, formOf, missing, type Form } from './form';

type Policy = Schema['PolicyItem'];

/** usePolicy reads one policy of the pending or the active configuration. */
export const usePolicy = (name: string, on: 'pending' | 'active') =>
  query.useQuery('get', '/api/v1/policies/{name}', { params: { path: { name }, query: { on } } }, { enabled: name !== '', refetchInterval: 5_000 });

/** policyKey is where the cache has a policy of the pending configuration. */
export const policyKey = (name: string) => query.queryOptions('get', '/api/v1/policies/{name}', { params: { path: { name }, query: { on: 'pending' } } }).queryKey;

async function put(form: Form, version: number | undefined, dry: boolean): Promise<Policy> {
  const header = version === undefined ? { 'If-None-Match': '*' } : ifMatch(version);
  const { data } = await api.PUT('/api/v1/policies/{name}', { params: { path: { name: form.name.trim() }, header, query: dry ? { dry_run: true } : {} }, body: bodyOf(form) });
  if (data === undefined) throw new Error('A policy was sent, and nothing came back.');
  return data;
}

export const policyKind: ObjectKind<Policy, Form> = { word: 'Policy', empty: emptyForm, formOf, bodyOf, missing, put };
