import { useQueryClient } from '@tanstack/react-query';
import { api, type Schema } from '../../api/client';

export type User = Schema['User'];
export type Draft = Schema['UserDraft'];

/** read has an account with the tag of its version, for If-Match. */
export async function read(name: string): Promise<{ user: User; tag: string }> {
  const { data, response } = await api.GET('/api/v1/users/{name}', { params: { path: { name } } });
  if (data === undefined) throw new Error('the appliance gave an answer without an account');
  return { user: data, tag: response.headers.get('ETag') ?? '*' };
}

/** write creates an account (no tag), or replaces the version that has the tag. */
export async function write(name: string, body: Draft, tag: string | undefined): Promise<void> {
  await api.PUT('/api/v1/users/{name}', { params: { path: { name }, header: tag === undefined ? { 'If-None-Match': '*' } : { 'If-Match': tag } }, body });
}

export async function remove(name: string, tag: string): Promise<void> {
  await api.DELETE('/api/v1/users/{name}', { params: { path: { name }, header: { 'If-Match': tag } } });
}

/** useForgetAccounts has accounts, tokens and sessions asked again: they end with each other. */
export function useForgetAccounts(): () => void {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ predicate: (q) => ['/api/v1/users', '/api/v1/tokens', '/api/v1/sessions', '/api/v1/me'].includes(String(q.queryKey[1])) });
}
