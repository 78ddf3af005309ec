import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { asProblem } from '../api/problem';
import { useForgetConfiguration } from '../app/change';
import { useToast } from './Toasts';

/** What an editor has to know of a kind of object of the pending configuration. Keep it outside of components: it never changes. */
export interface ObjectKind<Item, Form> {
  word: string;
  empty: Form;
  formOf: (item: Item) => Form;
  /** What would be sent, to tell forms apart. */
  bodyOf: (form: Form) => unknown;
  /** What it needs before it can be sent; undefined: nothing. */
  missing: (form: Form) => string | undefined;
  /** put sends it. Without a version it must be a new one. dry: check it, and change nothing. */
  put: (form: Form, version: number | undefined, dry: boolean) => Promise<Item>;
}

interface Named {
  name?: string;
  readonly version?: number;
}

const checkMs = 700;

/** useCheck asks the appliance what it thinks of what is typed, when one stops typing. Nothing is changed by it. */
function useCheck<Item, Form extends { name: string }>(kind: ObjectKind<Item, Form>, form: Form, version: number | undefined, enabled: boolean) {
  const key = JSON.stringify([kind.word, form.name, kind.bodyOf(form), version ?? null]);
  const [settled, settle] = useState(key);
  useEffect(() => {
    const timer = setTimeout(() => settle(key), checkMs);
    return () => clearTimeout(timer);
  }, [key]);
  return useQuery({
    queryKey: ['put', 'dry', settled],
    queryFn: async () => {
      await kind.put(form, version, true);
      return true;
    },
    enabled: enabled && settled === key && kind.missing(form) === undefined,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
}

/**
 * useObjectEditor is a form over an object that others may change too. base is what the form began with; now is what the
 * appliance has. While nothing was typed the form follows; else theirs is shown beside mine, and one says what counts.
 */
export function useObjectEditor<Item extends Named, Form extends { name: string }>(kind: ObjectKind<Item, Form>, start: Form, now: Item | undefined, gone: boolean, onSaved: (item: Item) => void) {
  const [base, setBase] = useState(now);
  const [form, setForm] = useState(() => (now === undefined ? start : kind.formOf(now)));
  const [anew, setAnew] = useState(false);
  const [saving, setSaving] = useState(false);
  const [error, setError] = useState<unknown>();
  const forget = useForgetConfiguration();
  const toast = useToast();
  const text = (f: Form) => JSON.stringify([f.name, kind.bodyOf(f)]);
  const changed = anew || text(form) !== text(base === undefined ? kind.empty : kind.formOf(base));
  const other = base !== undefined && now !== undefined && now.version !== base.version;
  const version = base === undefined || anew ? undefined : base.version;

  useEffect(() => {
    if (!other || changed || saving || now === undefined) return;
    setBase(now);
    setForm(kind.formOf(now));
  }, [other, changed, saving, now, kind]);

  let conflict: 'gone' | 'changed' | undefined;
  if (!saving && !anew && base !== undefined && gone) conflict = 'gone';
  else if (!saving && !anew && other && changed) conflict = 'changed';
  const check = useCheck(kind, form, version, changed && conflict === undefined && !saving);

  const save = async () => {
    setSaving(true);
    setError(undefined);
    try {
      const saved = await kind.put(form, version, false);
      onSaved(saved);
      setBase(saved);
      setForm(kind.formOf(saved));
      setAnew(false);
      toast({ title: `${kind.word} ${saved.name ?? ''} saved`, text: 'It is pending until the changes are applied.', variant: 'success' });
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
    if (gone) setAnew(true);
    else setBase(now);
  };
  const take = () => {
    if (now === undefined) return;
    setError(undefined);
    setBase(now);
    setForm(kind.formOf(now));
  };
  const change = (c: Partial<Form>) => {
    setError(undefined);
    setForm((f) => ({ ...f, ...c }));
  };
  /** What the appliance says of it: of the last try, or else of what is typed. */
  const said: unknown = error ?? check.error ?? undefined;
  return {
    form,
    change,
    base,
    changed,
    conflict,
    saving,
    save,
    keep,
    take,
    said,
    failed: error !== undefined && asProblem(error).status !== 412 ? error : undefined,
    lacks: kind.missing(form),
    checked: check.data !== undefined && !check.isFetching,
    checking: check.isFetching,
  };
}

/** Editing is what an editor's parts need to know, whatever the object. */
export interface Editing {
  changed: boolean;
  conflict: 'gone' | 'changed' | undefined;
  saving: boolean;
  said: unknown;
  failed: unknown;
  lacks: string | undefined;
  checked: boolean;
  checking: boolean;
}

/** useStay asks before what was typed is lost by closing the window. */
export function useStay(changed: boolean) {
  useEffect(() => {
    if (!changed) return undefined;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [changed]);
}

/** nameSays is what is wrong with the name of a new object: 'a policy', 'an alias'. */
export function nameSays(said: unknown, word: string): string | undefined {
  if (said === undefined) return undefined;
  const p = asProblem(said);
  if (p.code === 'already_exists' && p.detail !== undefined) return p.detail; // of another kind
  if (p.status === 412 || p.code === 'already_exists') return `There is already ${word} of this name.`;
  return p.fields?.find((f) => f.location === 'path/name' || f.location === 'body/name')?.message;
}
