import { FormHelperText, HelperText, HelperTextItem } from '@patternfly/react-core';

/** Hint stands below a field: what is wrong with it, else what it is for. */
export function Hint({ id, error, text }: { id: string; error?: string; text?: string }) {
  if (error === undefined && text === undefined) return null;
  return (
    <FormHelperText>
      <HelperText id={id} isLiveRegion>
        <HelperTextItem variant={error === undefined ? 'default' : 'error'}>{error ?? text}</HelperTextItem>
      </HelperText>
    </FormHelperText>
  );
}
