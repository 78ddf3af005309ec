import { Button, FormSelect, FormSelectOption, TextInput } from '@patternfly/react-core';
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import './filters.css';

/** Filters is a row of labelled fields that narrow a list. clear is offered while something is narrowed. */
export function Filters({ children, clear }: { children: ReactNode; clear?: () => void }) {
  return (
    <div className="fcr-filters" role="search" aria-label="Filter">
      {children}
      {clear !== undefined && (
        <Button variant="link" onClick={clear}>
          Clear filters
        </Button>
      )}
    </div>
  );
}

const Field = ({ label, id, children, wide = false }: { label: string; id: string; children: ReactNode; wide?: boolean }) => (
  <div className={wide ? 'fcr-filter fcr-filter-wide' : 'fcr-filter'}>
    <label htmlFor={id}>{label}</label>
    {children}
  </div>
);

interface Option {
  value: string;
  label: string;
}

export function FilterSelect({ label, value, options, onChange }: { label: string; value: string; options: readonly Option[]; onChange: (v: string) => void }) {
  const id = useId();
  // What an address has and we do not know is shown as it is, not as something else.
  const known = options.some((o) => o.value === value);
  return (
    <Field label={label} id={id}>
      <FormSelect id={id} value={value} onChange={(_, v) => onChange(v)}>
        {!known && <FormSelectOption value={value} label={value} />}
        {options.map((o) => (
          <FormSelectOption key={o.value} value={o.value} label={o.label} />
        ))}
      </FormSelect>
    </Field>
  );
}

/** After so long without a key what was typed counts. */
const typingMs = 400;

/** FilterText counts when one stops typing, or with Enter. search: it is the field that "/" finds. */
export function FilterText(props: { label: string; value: string; placeholder?: string; search?: boolean; onChange: (v: string) => void }) {
  const { label, value, onChange } = props;
  const id = useId();
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    clearTimeout(timer.current);
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const now = (v: string) => {
    clearTimeout(timer.current);
    if (v !== value) onChange(v);
  };
  return (
    <Field label={label} id={id} wide>
      <div {...(props.search === true ? { 'data-search': true } : {})}>
        <TextInput
          id={id}
          type="search"
          value={text}
          placeholder={props.placeholder}
          onChange={(_, v) => {
            setText(v);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => now(v.trim()), typingMs);
          }}
          onBlur={() => now(text.trim())}
          onKeyDown={(e) => e.key === 'Enter' && now(text.trim())}
        />
      </div>
    </Field>
  );
}

const two = (n: number) => String(n).padStart(2, '0');

/** toField is a moment as an input of the reader's own time has it; '' for none, or what is no moment. */
export function toField(at: string): string {
  const d = new Date(at);
  if (at === '' || Number.isNaN(d.getTime())) return '';
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** fromField is the moment that such an input has, in UTC. */
export function fromField(text: string): string {
  const d = new Date(text);
  return text === '' || Number.isNaN(d.getTime()) ? '' : d.toISOString();
}

/** FilterTime is a moment; the value is in UTC, what is typed in the reader's own time. */
export function FilterTime({ label, value, onChange }: { label: string; value: string; onChange: (v: string) => void }) {
  const id = useId();
  return (
    <Field label={label} id={id}>
      <TextInput id={id} type="datetime-local" value={toField(value)} onChange={(_, v) => onChange(fromField(v))} />
    </Field>
  );
}
