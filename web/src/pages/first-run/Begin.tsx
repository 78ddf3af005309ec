import { ActionGroup, Alert, Button, ClipboardCopy, Content, Form, FormGroup, TextInput } from '@patternfly/react-core';
import { useState, type FormEvent } from 'react';
import { api } from '../../api/client';
import { asProblem, type ApiError } from '../../api/problem';
import { Field } from '../../components/Field';
import { Hint } from '../../components/Hint';
import { isTwice, NewPassword, type NewPasswordValue } from '../../components/NewPassword';
import { fieldMessage, Problem } from '../../components/Problem';
import { useCountdown, waitInWords } from '../../components/useCountdown';
import { codeOf } from './steps';

/** Welcome asks for the code that only who can read the appliance's files has. */
export function Welcome({ code, wrong, onNext }: { code: string; wrong: string | undefined; onNext: (code: string) => void }) {
  const [typed, setTyped] = useState(code);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (codeOf(typed) !== '') onNext(codeOf(typed));
  };
  return (
    <Form onSubmit={submit}>
      <div className="fcr-first-run-text">
        <Content component="p">
          This appliance has no account yet. It stands between hosts and storage and lets everything pass: <strong>nothing is redirected until a policy is made and applied</strong>.
        </Content>
        <Content component="p">Whoever sets it up must be able to read its files. As root on the appliance, this shows the code:</Content>
        <ClipboardCopy isReadOnly hoverTip="Copy" clickTip="Copied" textAriaLabel="Command for the shell" className="fcr-mono">
          cat /var/lib/fc-redirect/*/api/setup-code
        </ClipboardCopy>
        <Content component="p" className="fcr-subtle">
          Is its state kept elsewhere, the log of <code>fcr-mgmtd</code> names the file. Without a browser, root needs no code:{' '}
          <code>fcrctl --server unix:/run/fc-redirect/NODE/api.sock setup create --name NAME</code>
        </Content>
      </div>
      <FormGroup label="Setup code" isRequired fieldId="setup-code">
        <TextInput
          id="setup-code"
          value={typed}
          onChange={(_, v) => setTyped(v)}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck="false"
          isRequired
          autoFocus
          maxLength={64}
          className="fcr-mono"
          aria-describedby="setup-code-hint"
          validated={wrong === undefined ? 'default' : 'error'}
        />
        <Hint id="setup-code-hint" text="16 letters and digits." error={wrong} />
      </FormGroup>
      <ActionGroup>
        <Button type="submit" isDisabled={codeOf(typed) === ''}>
          Next
        </Button>
      </ActionGroup>
    </Form>
  );
}

/** messageOf is what the appliance says about the name. */
const nameMessage = (p: ApiError | undefined) => {
  const text = fieldMessage(p, 'name');
  return text === undefined ? undefined : `It ${text}`;
};

/** Administrator makes the first account and signs it in. */
export function Administrator({ code, onCode, onBack, onMade }: { code: string; onCode: (wrong: string) => void; onBack: () => void; onMade: () => void }) {
  const [name, setName] = useState('admin');
  const [value, setValue] = useState<NewPasswordValue>({ password: '', again: '' });
  const [problem, setProblem] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [wait, setWait] = useCountdown();

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await api.POST('/api/v1/setup', { body: { code, name, password: value.password } });
      // Does this fail, the account is there all the same: the door asks for its password then, and the next step follows.
      await api.POST('/api/v1/sessions', { body: { name, password: value.password } }).catch(() => undefined);
      onMade();
    } catch (error) {
      const p = asProblem(error);
      const wrong = p.code === 'bad_credentials' ? 'This is not the code in the file' : undefined;
      if (wrong !== undefined) onCode(wrong);
      // Somebody was quicker, or the answer to our own request was lost.
      else if (p.code === 'conflict') onMade();
      setProblem(p);
      setWait(p.retryAfter ?? 0);
    } finally {
      setBusy(false);
    }
  };

  const refused = fieldMessage(problem, 'password');
  return (
    <Form onSubmit={(e) => void submit(e)}>
      <Content component="p">This account may do everything. More accounts, with fewer rights, can be made afterwards.</Content>
      <div role="alert">
        {problem !== undefined && refused === undefined && nameMessage(problem) === undefined && (problem.code === 'locked_out' ? (
          <Alert isInline variant="danger" title="Too many wrong codes">
            Try again in {waitInWords(Math.ceil(problem.retryAfter ?? 0))}.
          </Alert>
        ) : (
          <Problem error={problem} />
        ))}
      </div>
      <Field id="setup-name" label="Name" required help="Lower case letters, digits, dots, dashes and underscores." error={nameMessage(problem)}>
        <TextInput id="setup-name" value={name} onChange={(_, v) => setName(v)} autoComplete="username" autoCapitalize="none" spellCheck="false" isRequired maxLength={64} />
      </Field>
      <NewPassword id="setup-password" name={name} value={value} onChange={setValue} message={refused} />
      <ActionGroup>
        <Button type="submit" isLoading={busy} isDisabled={busy || wait > 0 || name === '' || !isTwice(value)}>
          {wait > 0 ? `Wait ${waitInWords(wait)}` : 'Make administrator and sign in'}
        </Button>
        <Button variant="link" onClick={onBack}>
          Back
        </Button>
      </ActionGroup>
    </Form>
  );
}
