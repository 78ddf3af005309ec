import { LabelGroup, MenuToggle, Select, SelectList, SelectOption, TextInputGroup, TextInputGroupMain } from '@patternfly/react-core';
import { useState, type KeyboardEvent } from 'react';
import { Term } from '../../components/MatchChips';
import { Name } from '../../components/Wwn';
import { useSuggestions, type Suggestion } from './useSuggestions';

interface TermsInputProps {
  id: string;
  label: string;
  terms: readonly string[];
  onChange: (terms: readonly string[]) => void;
  /** One initiator or target: the next one takes its place, and sets are none. */
  single?: boolean;
  placeholder: string;
}

interface Keys {
  shown: readonly Suggestion[];
  at: number;
  text: string;
  open: boolean;
  setAt: (n: number) => void;
  setOpen: (open: boolean) => void;
  add: (term: string) => void;
  dropLast: () => void;
}

/** onKey: the arrows choose, Enter takes what is chosen or else what was typed, Backspace takes the last one away. */
function onKey(e: KeyboardEvent, k: Keys) {
  const step = e.key === 'ArrowDown' ? 1 : e.key === 'ArrowUp' ? -1 : 0;
  if (step !== 0) {
    e.preventDefault();
    if (!k.open) k.setOpen(true);
    else if (k.shown.length > 0) k.setAt((k.at + step + k.shown.length + (k.at < 0 && step < 0 ? 1 : 0)) % k.shown.length);
    return;
  }
  if (e.key === 'Enter') {
    // The form is not sent by it.
    e.preventDefault();
    const chosen = k.open ? k.shown[k.at]?.value : undefined;
    if (chosen !== undefined || k.text.trim() !== '') k.add(chosen ?? k.text.trim());
    else k.setOpen(!k.open);
  }
  if (e.key === 'Escape' && k.open) {
    e.stopPropagation();
    k.setOpen(false);
  }
  if (e.key === 'Backspace' && k.text === '') k.dropLast();
}

/** TermsInput takes aliases, sets, WWPNs and masks: chosen from what there is, or typed freely. */
export function TermsInput({ id, label, terms, onChange, single = false, placeholder }: TermsInputProps) {
  const [text, setText] = useState('');
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const { list, loading } = useSuggestions(text, open, !single);
  const shown = list.filter((s) => single || !terms.includes(s.value));
  const add = (term: string) => {
    if (single) onChange([term]);
    else if (!terms.includes(term)) onChange([...terms, term]);
    setText('');
    setAt(-1);
    setOpen(false);
  };
  const keys: Keys = { shown, at, text, open, setAt, setOpen, add, dropLast: () => onChange(terms.slice(0, -1)) };
  const optionId = (i: number) => `${id}-option-${i}`;
  return (
    <Select
      id={`${id}-list`}
      variant="typeahead"
      isOpen={open}
      onOpenChange={setOpen}
      // Tab goes on to the next field, and what was typed counts.
      onOpenChangeKeys={['Escape']}
      onSelect={(_, v) => typeof v === 'string' && add(v)}
      shouldFocusFirstItemOnOpen={false}
      isScrollable
      toggle={(ref) => (
        <MenuToggle innerRef={ref} variant="typeahead" isFullWidth isExpanded={open} onClick={() => setOpen(!open)} aria-label={`${label}: show what there is`}>
          <TextInputGroup isPlain>
            <TextInputGroupMain
              inputId={id}
              value={text}
              placeholder={terms.length === 0 ? placeholder : ''}
              autoComplete="off"
              role="combobox"
              isExpanded={open}
              aria-controls={`${id}-list`}
              aria-label={label}
              {...(open && at >= 0 ? { 'aria-activedescendant': optionId(at) } : {})}
              onClick={() => setOpen(true)}
              onBlur={() => (text.trim() === '' ? setOpen(false) : add(text.trim()))}
              onChange={(_, v) => {
                setText(v);
                setAt(-1);
                setOpen(true);
              }}
              onKeyDown={(e) => onKey(e, keys)}
            >
              {terms.length === 0 ? null : (
                <LabelGroup aria-label={`${label}, chosen`} numLabels={20}>
                  {terms.map((t) => (
                    <Term key={t} text={t} on="pending" onClose={() => onChange(terms.filter((o) => o !== t))} />
                  ))}
                </LabelGroup>
              )}
            </TextInputGroupMain>
          </TextInputGroup>
        </MenuToggle>
      )}
    >
      {/* Pressing a choice does not take the focus away: leaving the field adds what was typed. */}
      <SelectList id={`${id}-list`} onMouseDown={(e) => e.preventDefault()}>
        {shown.map((s, i) => (
          <SelectOption key={s.value} id={optionId(i)} value={s.value} isFocused={i === at} description={s.detail}>
            <Name name={s.value} />
          </SelectOption>
        ))}
        {shown.length === 0 && (
          <SelectOption isDisabled>{loading ? 'Looking' : text === '' ? 'Nothing to choose from: type a WWPN or a mask' : 'Nothing has this name. Enter takes it as it is.'}</SelectOption>
        )}
      </SelectList>
    </Select>
  );
}
