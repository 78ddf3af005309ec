import { FormHelperText, HelperText, HelperTextItem } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { asProblem } from '../api/problem';

/** Hint stands below a field: what is wrong with it, else what it is for. */
export function Hint({ id, error, text }: { id: string; error?: string; text?: ReactNode }) {
  if (error === undefined && text === undefined) return null;
  return (
    <FormHelperText>
      <HelperText id={id} isLiveRegion>
        <HelperTextItem variant={error === undefined ? 'default' : 'error'}>{error ?? text}</HelperTextItem>
      </HelperText>
    </FormHelperText>
  );
}

/** saidBesideFields tells whether all that a problem says stands beside the fields of the form already. */
export function saidBesideFields(error: unknown, fields: readonly string[]): boolean {
  const said = asProblem(error).fields ?? [];
  return said.length > 0 && said.every((f) => fields.includes(f.location.replace(/^body\//, '')));
}
