import { LabelGroup } from '@patternfly/react-core';
import { useState } from 'react';
import { Term } from '../../components/MatchChips';
import { Suggest } from '../../components/Suggest';
import { useSuggestions } from './useSuggestions';

interface TermsInputProps {
  id: string;
  label: string;
  terms: readonly string[];
  onChange: (terms: readonly string[]) => void;
  /** One initiator or target: the next one takes its place, and sets are none. */
  single?: boolean;
  placeholder: string;
}

/** TermsInput takes aliases, sets, WWPNs and masks: chosen from what there is, or typed freely. What was typed counts when the field is left. */
export function TermsInput({ id, label, terms, onChange, single = false, placeholder }: TermsInputProps) {
  const [text, setText] = useState('');
  const [opened, setOpened] = useState(false);
  const { list, loading } = useSuggestions(text, opened, !single);
  const add = (typed: string) => {
    const term = typed.trim();
    setText('');
    if (term !== '' && !terms.includes(term)) onChange(single ? [term] : [...terms, term]);
  };
  return (
    <Suggest
      id={id}
      label={label}
      value={text}
      onChange={setText}
      suggestions={list.filter((s) => single || !terms.includes(s.value))}
      onPick={add}
      onLeave={add}
      onOpen={() => setOpened(true)}
      onBack={() => onChange(terms.slice(0, -1))}
      placeholder={terms.length === 0 ? placeholder : ''}
      nothing={loading ? 'Looking' : text === '' ? 'Nothing to choose from: type a WWPN or a mask' : 'Nothing has this name. Enter takes it as it is.'}
    >
      {terms.length === 0 ? null : (
        <LabelGroup aria-label={`${label}, chosen`} numLabels={20}>
          {terms.map((t) => (
            <Term key={t} text={t} on="pending" onClose={() => onChange(terms.filter((o) => o !== t))} />
          ))}
        </LabelGroup>
      )}
    </Suggest>
  );
}
