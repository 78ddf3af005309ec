import { ActionGroup, Alert, Button, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput } from '@patternfly/react-core';
import { useRef, useState, type FormEvent, type KeyboardEvent } from 'react';
import { api } from '../../api/client';
import { sessionIsOf } from '../../app/session';
import { asProblem, type ApiError } from '../../api/problem';
import { useCountdown, waitInWords } from '../../components/useCountdown';
import { reasonOf } from './reason';

/** A wrong password is typed anew; one that the appliance never saw stays. */
const seen = (p: ApiError) => p.status !== 0 && p.status !== 429 && p.status !== 503;

/** SignInForm asks for name and password. After too many failures it says how long to wait, and counts down. */
export default function SignInForm({ name: first = '', onSignedIn }: { name?: string; onSignedIn: (name: string) => void }) {
  const [name, setName] = useState(first);
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [capsLock, setCapsLock] = useState(false);
  const [wait, setWait] = useCountdown();
  const field = useRef<HTMLInputElement>(null);

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await api.POST('/api/v1/sessions', { body: { name, password } });
      sessionIsOf(name);
      onSignedIn(name);
    } catch (error) {
      const p = asProblem(error);
      // Somebody looks at a door that is not there yet, or not any more: first run comes instead.
      if (p.code === 'not_installed') location.reload();
      setProblem(p);
      setWait(p.retryAfter ?? 0);
      if (seen(p)) setPassword('');
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };

  const look = (e: KeyboardEvent) => setCapsLock(e.getModifierState('CapsLock'));
  const reason = problem === undefined ? undefined : reasonOf(problem);
  return (
    <Form onSubmit={(e) => void submit(e)}>
      {/* It is there before it says something: only so it is read out. */}
      <div role="alert">
        {reason !== undefined && (
          <Alert isInline variant={reason.variant} title={reason.title}>
            {reason.text}
          </Alert>
        )}
      </div>
      <FormGroup label="Name" fieldId="sign-in-name" isRequired>
        <TextInput
          id="sign-in-name"
          value={name}
          onChange={(_, v) => setName(v)}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck="false"
          isRequired
          autoFocus={first === ''}
          maxLength={64}
        />
      </FormGroup>
      <FormGroup label="Password" fieldId="sign-in-password" isRequired>
        <TextInput
          ref={field}
          id="sign-in-password"
          type="password"
          value={password}
          onChange={(_, v) => setPassword(v)}
          onKeyDown={look}
          onKeyUp={look}
          onBlur={() => setCapsLock(false)}
          autoComplete="current-password"
          aria-describedby="sign-in-caps"
          isRequired
          autoFocus={first !== ''}
          maxLength={1024}
        />
        <FormHelperText>
          <HelperText id="sign-in-caps" aria-live="polite">
            {capsLock && <HelperTextItem variant="warning">Caps lock is on</HelperTextItem>}
          </HelperText>
        </FormHelperText>
      </FormGroup>
      <ActionGroup>
        <Button type="submit" isBlock isLoading={busy} isDisabled={busy || wait > 0 || name === '' || password === ''}>
          {wait > 0 ? `Wait ${waitInWords(wait)}` : 'Sign in'}
        </Button>
      </ActionGroup>
    </Form>
  );
}
