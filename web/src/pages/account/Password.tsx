import { ActionGroup, Alert, Button, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api } from '../../api/client';
import { asProblem, type ApiError } from '../../api/problem';
import { useSession } from '../../app/session';
import { isTwice, NewPassword, type NewPasswordValue } from '../../components/NewPassword';
import { fieldMessage, Problem } from '../../components/Problem';
import { useCountdown, waitInWords } from '../../components/useCountdown';

const nothing: NewPasswordValue = { password: '', again: '' };

/** Password changes one's own. Wrong ones are counted as those of signing in are, so there may be a wait here too. */
export function Password() {
  const { me } = useSession();
  const client = useQueryClient();
  const [current, setCurrent] = useState('');
  const [fresh, setFresh] = useState(nothing);
  const [problem, setProblem] = useState<ApiError>();
  const [done, setDone] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wait, setWait] = useCountdown();

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setDone(false);
    setProblem(undefined);
    try {
      await api.PUT('/api/v1/me/password', { body: { current, password: fresh.password } });
      setCurrent('');
      setFresh(nothing);
      setDone(true);
      void client.invalidateQueries();
    } catch (error) {
      const p = asProblem(error);
      setProblem(p);
      setWait(p.retryAfter ?? 0);
    } finally {
      setBusy(false);
    }
  };

  const wrong = problem?.code === 'bad_credentials' ? 'This is not your password' : undefined;
  const refused = fieldMessage(problem, 'password');
  return (
    <Form onSubmit={(e) => void submit(e)} className="fcr-account-form">
      {done && <Alert isInline variant="success" title="Your password is changed" aria-live="polite">All your other sessions have ended. Tokens go on.</Alert>}
      {problem?.code === 'locked_out' && wait > 0 && <Alert isInline variant="danger" title={problem.title} aria-live="assertive">Try again in {waitInWords(wait)}.</Alert>}
      {problem !== undefined && wrong === undefined && refused === undefined && problem.code !== 'locked_out' && <Problem error={problem} />}
      {/* For the browser's keeper of passwords: whose it is. */}
      <input type="text" name="username" autoComplete="username" value={me.name} readOnly hidden />
      <FormGroup label="Password as it is" isRequired fieldId="password-current">
        <TextInput id="password-current" type="password" value={current} onChange={(_, v) => setCurrent(v)} autoComplete="current-password" maxLength={1024} isRequired validated={wrong === undefined ? 'default' : 'error'} />
        {wrong !== undefined && (
          <FormHelperText>
            <HelperText aria-live="assertive">
              <HelperTextItem variant="error">{wrong}</HelperTextItem>
            </HelperText>
          </FormHelperText>
        )}
      </FormGroup>
      <NewPassword id="password-new" label="New password" name={me.name} value={fresh} onChange={setFresh} message={refused} />
      <ActionGroup>
        <Button type="submit" isLoading={busy} isDisabled={busy || wait > 0 || current === '' || !isTwice(fresh)}>
          Change password
        </Button>
      </ActionGroup>
    </Form>
  );
}
