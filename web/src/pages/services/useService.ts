import { api, ifMatch, query, type Schema } from '../../api/client';
import type { ObjectKind } from '../../components/useObjectEditor';
import type { On } from '../../components/usePending';
import { bodyOf, emptyForm, formOf, missing, type Form } from './form';

type Service = Schema['ServiceItem'];

export const useService = (name: string, on: On) =>
  query.useQuery('get', '/api/v1/services/{name}', { params: { path: { name }, query: { on } } }, { enabled: name !== '', refetchInterval: 5_000 });

/** serviceKey is where the cache has a service of the pending configuration. */
export const serviceKey = (name: string) => query.queryOptions('get', '/api/v1/services/{name}', { params: { path: { name }, query: { on: 'pending' } } }).queryKey;

async function put(form: Form, version: number | undefined, dry: boolean): Promise<Service> {
  const header = version === undefined ? { 'If-None-Match': '*' } : ifMatch(version);
  const { data } = await api.PUT('/api/v1/services/{name}', { params: { path: { name: form.name.trim() }, header, query: dry ? { dry_run: true } : {} }, body: bodyOf(form) });
  if (data === undefined) throw new Error('A service was sent, and nothing came back.');
  return data;
}

export const serviceKind: ObjectKind<Service, Form> = { word: 'Service', empty: emptyForm, formOf, bodyOf, missing, put };

/** about says which version of a service an order is about. */
export const about = (s: Service) => ({ path: { name: s.name ?? '' }, header: ifMatch(s.version) });
