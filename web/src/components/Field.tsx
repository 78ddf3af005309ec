import { FormGroup, FormHelperText, HelperText, HelperTextItem } from '@patternfly/react-core';
import type { ReactNode } from 'react';

/** Field is a form's field: its name, the field, what is wrong with it or else what it is for. The field's id is the caller's. */
export function Field({ id, label, required = false, error, help, children }: { id: string; label: string; required?: boolean; error?: string; help?: ReactNode; children: ReactNode }) {
  return (
    <FormGroup label={label} fieldId={id} isRequired={required}>
      {children}
      {error === undefined && help === undefined ? null : (
        <FormHelperText>
          <HelperText>
            <HelperTextItem {...(error === undefined ? {} : { variant: 'error' as const })}>{error ?? help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}
