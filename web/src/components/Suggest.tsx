import { MenuToggle, Select, SelectList, SelectOption, TextInputGroup, TextInputGroupMain } from '@patternfly/react-core';
import { useEffect, useId, useMemo, useState, type KeyboardEvent as Press, type ReactNode } from 'react';
import { matching, type Suggestion } from './SuggestMatching';
import { Name } from './Wwn';

export type { Suggestion };

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
  /** Somebody wants to see the list. */
  onOpen?: () => void;
  /** Backspace where nothing is typed. */
  onBack?: () => void;
  placeholder?: string;
  disabled?: boolean;
  /** Said in the list where nothing is like the text. */
  nothing?: string;
  /** What stands in the field before the text. */
  children?: ReactNode;
}

/** Suggest is a field for a text that is often, and need not be, one of those that are known. */
export function Suggest({ id, label, value, onChange, suggestions, onPick, onLeave, onOpen, onBack, placeholder, disabled = false, nothing, children }: SuggestProps) {
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const list = useId();
  const found = useMemo(() => (open ? matching(suggestions, value) : []), [open, suggestions, value]);
  const show = (yes: boolean) => {
    setOpen(yes);
    setAt(-1);
    if (yes) onOpen?.();
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
    } else if (e.key === 'Backspace' && value === '') onBack?.();
  };
  const listed = open && (found.length > 0 || nothing !== undefined);
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
      // Tab goes on to the next field.
      onOpenChangeKeys={['Escape']}
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
              onBlur={() => {
                show(false);
                onLeave?.(value);
              }}
              onChange={(_, v) => {
                onChange(v);
                show(v.trim() !== '');
              }}
              onKeyDown={press}
            >
              {children}
            </TextInputGroupMain>
          </TextInputGroup>
        </MenuToggle>
      )}
    >
      {/* A click into the list does not take the focus there: that is no leaving. */}
      <SelectList id={list} aria-label={`Suggestions for ${label}`} onMouseDown={(e) => e.preventDefault()}>
        {found.map((s, i) => (
          <SelectOption key={s.value} id={`${list}-${i}`} value={s.value} isFocused={i === at} description={s.text}>
            <Name name={s.value} />
          </SelectOption>
        ))}
        {found.length === 0 && <SelectOption isDisabled>{nothing}</SelectOption>}
      </SelectList>
    </Select>
  );
}
