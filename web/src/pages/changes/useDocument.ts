import { useQuery } from '@tanstack/react-query';
import { api } from '../../api/client';
import { useChange } from '../../app/change';

/** A whole configuration as YAML, with the tag by which a write says which state it changes. */
export interface Text {
  yaml: string;
  tag: string;
}

export async function readDocument(on: 'pending' | 'active'): Promise<Text> {
  const { data, response } = await api.GET('/api/v1/change/document', { params: { query: { on, form: 'yaml' } } });
  return { yaml: data?.yaml ?? '', tag: response.headers.get('ETag') ?? '*' };
}

/** useDocument reads it again when anybody edited or applied. */
export function useDocument(on: 'pending' | 'active') {
  const { change } = useChange();
  return useQuery({
    queryKey: ['get', '/api/v1/change/document', on, change?.pending?.changed ?? '', change?.active.document ?? ''],
    queryFn: () => readDocument(on),
    enabled: change !== undefined,
    placeholderData: (was) => was,
  });
}
