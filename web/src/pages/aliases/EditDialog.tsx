import { TextInput } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';
import { asProblem } from '../../api/problem';
import { Conflict, type ConflictField } from '../../components/Conflict';
import { Field } from '../../components/Field';
import { FormDialog } from '../../components/FormDialog';
import { saidBesideFields } from '../../components/Hint';
import { Problem } from '../../components/Problem';
import { nameSays, type Editing } from '../../components/useObjectEditor';
import { nameProblem } from '../../components/wwn';

interface EditDialogProps {
  what: 'alias' | 'set';
  title: string;
  text: string | undefined;
  wide?: boolean;
  edit: Editing & { base: unknown; form: { name: string }; save: () => Promise<void>; keep: () => void; take: () => void };
  /** Theirs beside mine, where somebody changed it meanwhile. */
  besides: readonly ConflictField[] | undefined;
  /** The other field, as the appliance calls it. */
  field: string;
  onName: (name: string) => void;
  onClose: () => void;
  children: ReactNode;
}

/** EditDialog makes an alias or a set, or edits what one stands for. Another name for one that is there is asked for by itself. */
export function EditDialog({ what, title, text, wide = false, edit, besides, field, onName, onClose, children }: EditDialogProps) {
  const id = useId();
  const fresh = edit.base === undefined;
  const { name } = edit.form;
  const refused = fresh ? nameSays(edit.said, what === 'alias' ? 'an alias' : 'a set') : undefined;
  const wrong = (fresh && name !== '' ? nameProblem(name) : undefined) ?? refused;
  const ready = edit.changed && edit.lacks === undefined && edit.conflict === undefined;
  const shown = edit.said !== undefined && refused === undefined && asProblem(edit.said).status !== 412 && !saidBesideFields(edit.said, [field]);
  return (
    <FormDialog title={title} text={text} action="Save" wide={wide} busy={edit.saving} ready={ready} onSubmit={() => void edit.save()} onClose={onClose}>
      <Field id={`${id}-name`} label="Name" required={fresh} error={wrong} help={fresh ? `${[...name].length} of 64 characters, of any script.` : undefined}>
        <TextInput
          id={`${id}-name`}
          value={name}
          onChange={(_, v) => onName(v)}
          dir="auto"
          autoComplete="off"
          aria-describedby={`${id}-name-hint`}
          {...(fresh ? { autoFocus: true, validated: wrong === undefined ? ('default' as const) : ('error' as const) } : { readOnlyVariant: 'plain' as const })}
        />
      </Field>
      {children}
      {edit.conflict !== undefined && (
        <Conflict what={`the ${what}`} fields={edit.conflict === 'gone' ? undefined : besides} onKeep={edit.keep} onTake={edit.conflict === 'gone' ? onClose : edit.take} />
      )}
      {shown && <Problem error={edit.said} />}
    </FormDialog>
  );
}
