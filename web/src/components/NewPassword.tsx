import { FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput } from '@patternfly/react-core';
import { strengthOf } from './password';

export interface NewPasswordValue {
  password: string;
  again: string;
}

/** isTwice says whether both are the same, and there at all. */
export const isTwice = (v: NewPasswordValue): boolean => v.password !== '' && v.password === v.again;

/** NewPassword asks for a new password twice, with a hint of how good it is. message is what the appliance said about it. */
export function NewPassword({ id, name, value, onChange, message, label = 'Password' }: {
  id: string;
  /** The account, of which it must not be made. */
  name: string;
  value: NewPasswordValue;
  onChange: (v: NewPasswordValue) => void;
  message: string | undefined;
  label?: string;
}) {
  const strength = strengthOf(value.password, name);
  // Who still types the second one is not told off for each letter that is missing.
  const differ = value.again !== '' && !value.password.startsWith(value.again);
  const partly = value.again !== '' && !differ && value.again !== value.password;
  return (
    <>
      <FormGroup label={label} isRequired fieldId={id}>
        <TextInput
          id={id}
          type="password"
          value={value.password}
          onChange={(_, password) => onChange({ ...value, password })}
          autoComplete="new-password"
          maxLength={1024}
          isRequired
          aria-describedby={`${id}-hint`}
          validated={message === undefined ? 'default' : 'error'}
        />
        <FormHelperText>
          <HelperText id={`${id}-hint`} aria-live="polite">
            {message === undefined ? (
              <HelperTextItem variant={strength?.tone === 'error' ? 'indeterminate' : (strength?.tone ?? 'default')}>
                {strength?.text ?? '12 characters at least. A few words are easier to remember than signs.'}
              </HelperTextItem>
            ) : (
              <HelperTextItem variant="error">It {message}</HelperTextItem>
            )}
          </HelperText>
        </FormHelperText>
      </FormGroup>
      <FormGroup label={`${label} again`} isRequired fieldId={`${id}-again`}>
        <TextInput
          id={`${id}-again`}
          type="password"
          value={value.again}
          onChange={(_, again) => onChange({ ...value, again })}
          autoComplete="new-password"
          maxLength={1024}
          isRequired
          aria-describedby={`${id}-again-hint`}
          validated={differ ? 'error' : 'default'}
        />
        <FormHelperText>
          <HelperText id={`${id}-again-hint`} aria-live="polite">
            {differ && <HelperTextItem variant="error">The two are not the same</HelperTextItem>}
            {partly && <HelperTextItem variant="indeterminate">The same so far</HelperTextItem>}
          </HelperText>
        </FormHelperText>
      </FormGroup>
    </>
  );
}
