import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, ifMatch, query, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useForgetConfiguration } from '../../app/change';
import { useToast } from '../../components/Toasts';
import { bodyOf, dirty, emptyForm, formOf, missing, type Form } from './form';

type Policy = Schema['PolicyItem'];

const checkMs = 700;

/** usePolicy reads one policy of the pending or the active configuration. */
export const usePolicy = (name: string, on: 'pending' | 'active') =>
  query.useQuery('get', '/api/v1/policies/{name}', { params: { path: { name }, query: { on } } }, { enabled: name !== '', refetchInterval: 5_000 });

/** put sends a policy. Without a version it must be a new one. */
async function put(form: Form, version: number | undefined, dry: boolean): Promise<Policy> {
  const header = version === undefined ? { 'If-None-Match': '*' } : ifMatch(version);
  const { data } = await api.PUT('/api/v1/policies/{name}', { params: { path: { name: form.name.trim() }, header, query: dry ? { dry_run: true } : {} }, body: bodyOf(form) });
  if (data === undefined) throw new Error('A policy was sent, and nothing came back.');
  return data;
}

/** useCheck asks the appliance what it thinks of what is typed, when one stops typing. Nothing is changed by it. */
function useCheck(form: Form, version: number | undefined, enabled: boolean) {
  const key = JSON.stringify([form.name, bodyOf(form), version ?? null]);
  const [settled, settle] = useState(key);
  useEffect(() => {
    const timer = setTimeout(() => settle(key), checkMs);
    return () => clearTimeout(timer);
  }, [key]);
  return useQuery({
    queryKey: ['put', '/api/v1/policies/{name}', 'dry', settled],
    queryFn: async () => (await put(form, version, true)).name ?? '',
    enabled: enabled && settled === key && missing(form) === undefined,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
}

/**
 * useEditor is a form over a policy that others may change too. base is the policy that the form began with; now is what the
 * appliance has. While nothing was typed the form follows; else theirs is shown beside mine, and one says what counts.
 */
export function useEditor(start: Form, now: Policy | undefined, gone: boolean, onSaved: (p: Policy) => void) {
  const [base, setBase] = useState(now);
  const [form, setForm] = useState(() => (now === undefined ? start : formOf(now)));
  const [left, leave] = useState(false);
  const [saving, setSaving] = useState(false);
  const [error, setError] = useState<unknown>();
  const forget = useForgetConfiguration();
  const client = useQueryClient();
  const toast = useToast();
  const clean = base === undefined ? emptyForm : formOf(base);
  const changed = dirty(form, clean);
  const other = base !== undefined && now !== undefined && now.version !== base.version;
  useEffect(() => {
    if (!other || changed || saving) return;
    setBase(now);
    setForm(formOf(now));
  }, [other, changed, saving, now]);
  const conflict = saving || left || base === undefined ? undefined : gone ? ('gone' as const) : other && changed ? ('changed' as const) : undefined;
  const check = useCheck(form, base === undefined || left ? undefined : base.version, changed && conflict === undefined && !saving);

  const save = async () => {
    setSaving(true);
    setError(undefined);
    try {
      const saved = await put(form, base === undefined || left ? undefined : base.version, false);
      const { queryKey } = query.queryOptions('get', '/api/v1/policies/{name}', { params: { path: { name: saved.name ?? '' }, query: { on: 'pending' } } });
      client.setQueryData(queryKey, saved);
      setBase(saved);
      setForm(formOf(saved));
      leave(false);
      toast({ title: `Policy ${saved.name} saved`, text: 'It is pending until the changes are applied.', variant: 'success' });
      onSaved(saved);
    } catch (e) {
      setError(e);
    } finally {
      setSaving(false);
      forget();
    }
  };
  /** keep: mine counts, over what is there now. */
  const keep = () => {
    setError(undefined);
    if (gone) leave(true);
    else setBase(now);
  };
  const take = () => {
    if (now === undefined) return;
    setError(undefined);
    setBase(now);
    setForm(formOf(now));
  };
  const said: unknown = error ?? check.error ?? undefined;
  const stale = error !== undefined && asProblem(error).status === 412;
  return { form, setForm, base, changed, conflict, saving, save, keep, take, said: said === null ? undefined : said, error, stale, checked: check.data !== undefined && !check.isFetching, checking: check.isFetching };
}

export type Editor = ReturnType<typeof useEditor>;
