import { FormGroup } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { Hint } from './Hint';

/** Field is a form's field: its name, the field, what is wrong with it or else what it is for (of the id ID-hint). The field's id is the caller's. */
export function Field({ id, label, required = false, error, help, children }: { id: string; label: string; required?: boolean; error?: string; help?: ReactNode; children: ReactNode }) {
  return (
    <FormGroup label={label} fieldId={id} isRequired={required}>
      {children}
      <Hint id={`${id}-hint`} error={error} text={help} />
    </FormGroup>
  );
}
