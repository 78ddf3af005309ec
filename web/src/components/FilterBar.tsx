import { Button, FormSelect, FormSelectOption, Label, LabelGroup, SearchInput, TextInput } from '@patternfly/react-core';
import FilterIcon from '@patternfly/react-icons/dist/esm/icons/filter-icon';
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { fromField, toField } from './Filters';
import { Suggest, type Suggestion } from './Suggest';
import { Name } from './Wwn';
import './filterbar.css';

/** A field by which a list is narrowed. Its value is a text, as the URL has it; '' is nothing asked. */
export interface FilterField<K extends string = string> {
  id: K;
  label: string;
  kind: 'text' | 'number' | 'time' | 'choice' | 'choices';
  options?: readonly { value: string; label: string }[];
  suggestions?: readonly Suggestion[];
  hint?: string;
  /** What is wrong with the value: it is not asked, then. */
  wrong?: (value: string) => string | undefined;
}

interface FilterBarProps<K extends string> {
  /** The field that is always there, and that / finds. */
  search: { id: K; label: string; placeholder: string };
  fields: readonly FilterField<K>[];
  values: Record<K, string>;
  onChange: (change: Partial<Record<K, string>>) => void;
  /** The panel with all fields is open: what suggestions need is asked then. */
  onOpen?: (open: boolean) => void;
  children?: ReactNode;
}

/** After so long without a key what was typed counts. */
const typingMs = 350;

/** useTyped is a text that counts when one stops typing. */
function useTyped(value: string, onChange: (v: string) => void): { text: string; setText: (v: string) => void; type: (v: string) => void; done: (v?: string) => void } {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    clearTimeout(timer.current);
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const done = (v = text) => {
    clearTimeout(timer.current);
    if (v.trim() !== value) onChange(v.trim());
  };
  const type = (v: string) => {
    setText(v);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => done(v), typingMs);
  };
  return { text, setText, type, done };
}

function Search<K extends string>({ search, value, onChange }: { search: FilterBarProps<K>['search']; value: string; onChange: (v: string) => void }) {
  const { text, type, done } = useTyped(value, onChange);
  return (
    <div data-search className="fcr-filterbar-search">
      <SearchInput
        aria-label={search.label}
        placeholder={search.placeholder}
        value={text}
        onChange={(_, v) => type(v)}
        onClear={() => done('')}
        maxLength={256}
      />
    </div>
  );
}

function Typed({ field, value, onChange, id }: { field: FilterField; value: string; onChange: (v: string) => void; id: string }) {
  const { text, setText, type, done } = useTyped(value, onChange);
  if (field.suggestions !== undefined) {
    // Half a name is none: it counts when it is chosen, or with Enter, or when the field is left.
    return <Suggest id={id} label={field.label} value={text} onChange={setText} onPick={done} onLeave={done} suggestions={field.suggestions} />;
  }
  return (
    <TextInput
      id={id}
      value={text}
      inputMode={field.kind === 'number' ? 'decimal' : 'text'}
      onChange={(_, v) => type(v)}
      onBlur={() => done()}
      onKeyDown={(e) => e.key === 'Enter' && done()}
      validated={text !== '' && field.wrong?.(text) !== undefined ? 'error' : 'default'}
      aria-describedby={field.hint === undefined ? undefined : `${id}-hint`}
      maxLength={256}
    />
  );
}

/** toggled adds a value to a list with commas, or takes it out. */
export function toggled(list: string, value: string): string {
  const were = list === '' ? [] : list.split(',');
  return (were.includes(value) ? were.filter((v) => v !== value) : [...were, value]).join(',');
}

function Control({ field, value, onChange, id }: { field: FilterField; value: string; onChange: (v: string) => void; id: string }) {
  switch (field.kind) {
    case 'choice':
      return (
        <FormSelect id={id} value={value} onChange={(_, v) => onChange(v)}>
          <FormSelectOption value="" label="Any" />
          {field.options?.map((o) => (
            <FormSelectOption key={o.value} value={o.value} label={o.label} />
          ))}
        </FormSelect>
      );
    case 'choices':
      return (
        <div role="group" aria-labelledby={`${id}-label`} className="fcr-filterbar-choices">
          {field.options?.map((o) => {
            const on = value.split(',').includes(o.value);
            return (
              <Button key={o.value} size="sm" variant={on ? 'secondary' : 'tertiary'} aria-pressed={on} isClicked={on} onClick={() => onChange(toggled(value, o.value))}>
                {o.label}
              </Button>
            );
          })}
        </div>
      );
    case 'time':
      return <TextInput id={id} type="datetime-local" value={toField(value)} onChange={(_, v) => onChange(fromField(v))} />;
    default:
      return <Typed field={field} value={value} onChange={onChange} id={id} />;
  }
}

function Panel<K extends string>({ fields, values, onChange, id }: Pick<FilterBarProps<K>, 'fields' | 'values' | 'onChange'> & { id: string }) {
  const change = (field: K, v: string) => {
    const one: Partial<Record<K, string>> = {};
    one[field] = v;
    onChange(one);
  };
  return (
    <div id={id} className="fcr-filterbar-panel" role="search" aria-label="All filters">
      {fields.map((f) => (
        <div key={f.id}>
          {f.kind === 'choices' ? (
            <span id={`${id}-${f.id}-label`} className="fcr-filterbar-label">
              {f.label}
            </span>
          ) : (
            <label htmlFor={`${id}-${f.id}`} className="fcr-filterbar-label">
              {f.label}
            </label>
          )}
          <Control field={f} value={values[f.id]} onChange={(v) => change(f.id, v)} id={`${id}-${f.id}`} />
          {f.hint === undefined ? null : (
            <div id={`${id}-${f.id}-hint`} className="fcr-filterbar-hint">
              {f.hint}
            </div>
          )}
        </div>
      ))}
    </div>
  );
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** inWords is a value as its chip says it. */
function inWords(field: FilterField, value: string): string {
  if (field.kind === 'time') return Number.isNaN(Date.parse(value)) ? value : moment.format(new Date(value));
  const name = (v: string) => field.options?.find((o) => o.value === v)?.label ?? v;
  return field.kind === 'choices' ? value.split(',').map(name).join(' or ') : name(value);
}

function Chips<K extends string>({ fields, values, onChange }: Pick<FilterBarProps<K>, 'fields' | 'values' | 'onChange'>) {
  const set = fields.filter((f) => values[f.id] !== '');
  if (set.length === 0) return null;
  const without = (list: readonly FilterField<K>[]) => {
    const change: Partial<Record<K, string>> = {};
    for (const f of list) change[f.id] = '';
    onChange(change);
  };
  return (
    <div className="fcr-filterbar-chips">
      <LabelGroup aria-label="Filters" numLabels={12}>
        {set.map((f) => {
          const wrong = f.wrong?.(values[f.id]);
          return (
            <Label
              key={f.id}
              variant="outline"
              textMaxWidth="24rem"
              {...(wrong === undefined ? {} : { status: 'warning' as const })}
              onClose={() => without([f])}
              closeBtnAriaLabel={`Remove the filter ${f.label}`}
            >
              {f.label}: <Name name={inWords(f, values[f.id])} />
              {wrong === undefined ? null : ` (not used: ${wrong})`}
            </Label>
          );
        })}
      </LabelGroup>
      <Button variant="link" isInline onClick={() => without(fields)}>
        Clear filters
      </Button>
    </div>
  );
}

/** FilterBar is a search field, a panel with every other field, and what is asked now as chips. Children stand at its end. */
export function FilterBar<K extends string>({ search, fields, values, onChange, onOpen, children }: FilterBarProps<K>) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const change = (v: string) => {
    const one: Partial<Record<K, string>> = {};
    one[search.id] = v;
    onChange(one);
  };
  return (
    <div className="fcr-filterbar">
      <div className="fcr-filterbar-row">
        <Search search={search} value={values[search.id]} onChange={change} />
        <Button
          variant="control"
          icon={<FilterIcon />}
          aria-expanded={open}
          aria-controls={id}
          onClick={() => {
            setOpen(!open);
            onOpen?.(!open);
          }}
        >
          Filters
        </Button>
        <div className="fcr-filterbar-end">{children}</div>
      </div>
      {open && <Panel fields={fields} values={values} onChange={onChange} id={id} />}
      <Chips fields={fields} values={values} onChange={onChange} />
    </div>
  );
}
