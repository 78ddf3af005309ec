import { MenuToggle, Select, SelectList, SelectOption, TextInputGroup, TextInputGroupMain } from '@patternfly/react-core';
import { useEffect, useId, useMemo, useState, type KeyboardEvent as Press } from 'react';
import { Name } from './Wwn';

export interface Suggestion {
  value: string;
  /** Said beside it: the WWPN of an alias. */
  text?: string;
}

export interface SuggestProps {
  id: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  suggestions: readonly Suggestion[];
  /** Enter, or a choice: the text counts. */
  onPick?: (value: string) => void;
  /** The field is left with this text. */
  onLeave?: (value: string) => void;
  placeholder?: string;
  disabled?: boolean;
}

/** More are not listed: one types on. */
const listedMost = 50;

/** matching are the suggestions that have the text in them, those that begin with it first. */
export function matching(suggestions: readonly Suggestion[], text: string): Suggestion[] {
  const t = text.trim().toLowerCase();
  if (t === '') return suggestions.slice(0, listedMost);
  const bare = t.replaceAll(/[:.-]/g, '');
  const has = (s: Suggestion) =>
    s.value.toLowerCase().includes(t) || (s.text?.toLowerCase().includes(t) ?? false) || (bare.length >= 4 && (s.text ?? s.value).toLowerCase().replaceAll(':', '').includes(bare));
  const found = suggestions.filter(has);
  const first = found.filter((s) => s.value.toLowerCase().startsWith(t));
  return [...first, ...found.filter((s) => !first.includes(s))].slice(0, listedMost);
}

/** Suggest is a field for a text that is often, and need not be, one of those that are known. */
export function Suggest({ id, label, value, onChange, suggestions, onPick, onLeave, placeholder, disabled = false }: SuggestProps) {
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const list = useId();
  const found = useMemo(() => (open ? matching(suggestions, value) : []), [open, suggestions, value]);
  const show = (yes: boolean) => {
    setOpen(yes);
    setAt(-1);
  };
  const pick = (v: string) => {
    show(false);
    onChange(v);
    onPick?.(v);
  };
  const press = (e: Press) => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      if (!open) show(true);
      else if (found.length > 0) setAt((at + (e.key === 'ArrowDown' ? 1 : at < 0 ? 0 : -1) + found.length) % found.length);
    } else if (e.key === 'Enter' && (onPick !== undefined || (open && at >= 0))) {
      e.preventDefault();
      pick(found[at]?.value ?? value);
    }
  };
  const listed = open && found.length > 0;
  useEffect(() => {
    if (!listed) return undefined;
    // Before anybody else hears it: Escape closes the list, and not the dialog or the drawer that the field is in.
    const escape = (e: KeyboardEvent) => {
      if (e.key !== 'Escape') return;
      e.stopPropagation();
      setOpen(false);
    };
    window.addEventListener('keydown', escape, true);
    return () => window.removeEventListener('keydown', escape, true);
  }, [listed]);
  return (
    <Select
      isOpen={listed}
      onOpenChange={show}
      onSelect={(_, v) => pick(String(v))}
      selected={value}
      variant="typeahead"
      shouldFocusFirstItemOnOpen={false}
      maxMenuHeight="16rem"
      isScrollable
      toggle={(ref) => (
        <MenuToggle ref={ref} variant="typeahead" isFullWidth isExpanded={listed} isDisabled={disabled} onClick={() => show(!open)} aria-label={`Suggestions for ${label}`}>
          <TextInputGroup isPlain isDisabled={disabled}>
            <TextInputGroupMain
              inputId={id}
              value={value}
              placeholder={placeholder}
              autoComplete="off"
              role="combobox"
              isExpanded={listed}
              aria-label={label}
              aria-controls={list}
              {...(at >= 0 ? { 'aria-activedescendant': `${list}-${at}` } : {})}
              onClick={() => !open && show(true)}
              onBlur={(e) => {
                // A click into the list takes the focus there: that is no leaving.
                if (!(e.relatedTarget instanceof Node && document.getElementById(list)?.contains(e.relatedTarget) === true)) {
                  show(false);
                  onLeave?.(value);
                }
              }}
              onChange={(_, v) => {
                onChange(v);
                show(v.trim() !== '');
              }}
              onKeyDown={press}
            />
          </TextInputGroup>
        </MenuToggle>
      )}
    >
      <SelectList id={list} aria-label={`Suggestions for ${label}`}>
        {found.map((s, i) => (
          <SelectOption key={s.value} id={`${list}-${i}`} value={s.value} isFocused={i === at} description={s.text}>
            <Name name={s.value} />
          </SelectOption>
        ))}
      </SelectList>
    </Select>
  );
}
