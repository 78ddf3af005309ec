import { ActionGroup, Alert, Button, Form, FormGroup, TextInput } from '@patternfly/react-core';
import { useEffect, useState, type FormEvent } from 'react';
import { api } from '../../api/client';
import { asProblem, type ApiError } from '../../api/problem';

/** A wait as somebody says it. */
const inWords = (s: number) => (s >= 90 ? `${Math.ceil(s / 60)} minutes` : `${s} s`);

/** SignInForm asks for name and password. After too many failures it says how long to wait, and counts down. */
export default function SignInForm({ name: first = '', onSignedIn }: { name?: string; onSignedIn: (name: string) => void }) {
  const [name, setName] = useState(first);
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [wait, setWait] = useState(0);

  useEffect(() => {
    if (wait <= 0) return undefined;
    const tick = setTimeout(() => setWait(wait - 1), 1000);
    return () => clearTimeout(tick);
  }, [wait]);

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await api.POST('/api/v1/sessions', { body: { name, password } });
      onSignedIn(name);
    } catch (error) {
      const p = asProblem(error);
      setProblem(p);
      setWait(p.retryAfter ?? 0);
      setPassword('');
    } finally {
      setBusy(false);
    }
  };

  return (
    <Form onSubmit={(e) => void submit(e)}>
      {problem !== undefined && (
        <Alert isInline variant="danger" title={problem.title} aria-live="assertive">
          {wait > 0 ? `Try again in ${inWords(wait)}.` : problem.detail}
        </Alert>
      )}
      <FormGroup label="Name" fieldId="sign-in-name" isRequired>
        <TextInput id="sign-in-name" value={name} onChange={(_, v) => setName(v)} autoComplete="username" isRequired autoFocus={first === ''} maxLength={64} />
      </FormGroup>
      <FormGroup label="Password" fieldId="sign-in-password" isRequired>
        <TextInput
          id="sign-in-password"
          type="password"
          value={password}
          onChange={(_, v) => setPassword(v)}
          autoComplete="current-password"
          isRequired
          autoFocus={first !== ''}
          maxLength={1024}
        />
      </FormGroup>
      <ActionGroup>
        <Button type="submit" isBlock isLoading={busy} isDisabled={busy || wait > 0 || name === '' || password === ''}>
          Sign in
        </Button>
      </ActionGroup>
    </Form>
  );
}
