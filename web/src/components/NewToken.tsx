import {
  Alert,
  Button,
  ClipboardCopy,
  Content,
  Form,
  FormGroup,
  FormHelperText,
  FormSelect,
  FormSelectOption,
  HelperText,
  HelperTextItem,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextArea,
  TextInput,
} from '@patternfly/react-core';
import { useState, type FormEvent } from 'react';
import { Dialog } from './Dialog';
import { api, query, type Schema } from '../api/client';
import { asProblem } from '../api/problem';
import { useSession } from '../app/session';
import { now } from '../live';
import { fieldMessage, Problem } from './Problem';
import { roles, rolesWithin, roleText, type Role } from './roles';
import { Time } from './Time';
import { Name } from './Wwn';
import { useAttempt } from './useAttempt';

/** How long a token may live: what the appliance allows is a year and a day. */
const lives: readonly [days: number, text: string][] = [
  [1, '1 day'],
  [7, '7 days'],
  [30, '30 days'],
  [90, '90 days'],
  [365, '1 year'],
];
const never = 'never';

const Hint = ({ text, error }: { text?: string; error?: string }) =>
  text === undefined && error === undefined ? null : (
    <FormHelperText>
      <HelperText>
        <HelperTextItem variant={error === undefined ? 'default' : 'error'}>{error ?? text}</HelperTextItem>
      </HelperText>
    </FormHelperText>
  );

const listOf = (text: string): string[] => text.split(/[\s,;]+/).filter((a) => a !== '');

/** addressMessage is what the appliance says of a line of the list. */
function addressMessage(error: unknown, list: readonly string[]): string | undefined {
  if (error === undefined) return undefined;
  const field = asProblem(error).fields?.find((f) => f.location.startsWith('body/addresses'));
  if (field === undefined) return undefined;
  const line = list[Number(field.location.split('/')[2] ?? NaN)];
  return line === undefined ? field.message : `${line} ${field.message}`;
}

interface Draft {
  name: string;
  role: Role;
  life: string;
  addresses: string;
}

function Fields({ draft, set, allowed, error }: { draft: Draft; set: (d: Partial<Draft>) => void; allowed: readonly Role[]; error: unknown }) {
  const { can } = useSession();
  const wrongName = fieldMessage(error, 'name');
  const wrongList = addressMessage(error, listOf(draft.addresses));
  return (
    <>
      <FormGroup label="Name" isRequired fieldId="token-name">
        <TextInput id="token-name" value={draft.name} onChange={(_, name) => set({ name })} maxLength={64} isRequired autoFocus autoComplete="off" validated={wrongName === undefined ? 'default' : 'error'} />
        <Hint text="What uses it: ansible, backup, grafana." error={wrongName} />
      </FormGroup>
      <FormGroup label="Role" fieldId="token-role">
        <FormSelect id="token-role" value={draft.role} onChange={(_, v) => set({ role: roles.find((r) => r === v) ?? 'viewer' })}>
          {allowed.map((r) => (
            <FormSelectOption key={r} value={r} label={r} />
          ))}
        </FormSelect>
        <Hint text={roleText[draft.role] + '.'} error={fieldMessage(error, 'role')} />
      </FormGroup>
      <FormGroup label="Expires after" fieldId="token-life">
        <FormSelect id="token-life" value={draft.life} onChange={(_, life) => set({ life })}>
          {lives.map(([days, text]) => (
            <FormSelectOption key={days} value={String(days)} label={text} />
          ))}
          {can('token.write') && <FormSelectOption value={never} label="Never" />}
        </FormSelect>
        <Hint
          text={draft.life === never ? 'Whoever finds it can use it until somebody revokes it.' : undefined}
          error={fieldMessage(error, 'expires_at') ?? fieldMessage(error, 'never_expires')}
        />
      </FormGroup>
      <FormGroup label="May be used from" fieldId="token-addresses">
        <TextArea
          id="token-addresses"
          value={draft.addresses}
          onChange={(_, addresses) => set({ addresses })}
          rows={3}
          resizeOrientation="vertical"
          className="fcr-mono"
          placeholder={'10.20.0.0/16\n192.0.2.7'}
          validated={wrongList === undefined ? 'default' : 'error'}
        />
        <Hint text="Networks or addresses, one a line. Nothing here: from anywhere." error={wrongList} />
      </FormGroup>
    </>
  );
}

function Made({ token, onClose }: { token: Schema['NewToken']; onClose: () => void }) {
  return (
    <>
      <ModalHeader title={`Token ${token.name} is made`} labelId="token-title" />
      <ModalBody>
        <Alert isInline variant="warning" title="Copy it now: it is shown this once" className="fcr-space" />
        <ClipboardCopy isReadOnly hoverTip="Copy" clickTip="Copied" textAriaLabel="The new token" toggleAriaLabel="Show the whole token" className="fcr-mono fcr-space">
          {token.token ?? ''}
        </ClipboardCopy>
        <Content component="p" className="fcr-space">
          It is a secret like a password: keep it in a file that only the program can read, and send it as <code>Authorization: Bearer</code>. It has the role {token.role}
          {token.expires_at === undefined ? ' and never expires' : <> and expires on <Time at={token.expires_at} /></>}.
        </Content>
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>I have copied it</Button>
      </ModalFooter>
    </>
  );
}

/** NewToken makes a token for an account and shows it once. */
export function NewToken({ owner, onMade, onClose }: { owner: string; onMade: () => void; onClose: () => void }) {
  const { me } = useSession();
  const others = owner !== me.name;
  const account = query.useQuery('get', '/api/v1/users/{name}', { params: { path: { name: owner } } }, { enabled: others });
  const allowed = rolesWithin((others ? account.data?.role : me.role) ?? 'viewer');
  const [draft, setDraft] = useState<Draft>({ name: '', role: 'viewer', life: '90', addresses: '' });
  const [made, setMade] = useState<Schema['NewToken']>();
  const { busy, error, attempt } = useAttempt();

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    await attempt(async () => {
      const addresses = listOf(draft.addresses);
      const { data } = await api.POST('/api/v1/tokens', {
        body: {
          name: draft.name,
          role: draft.role,
          ...(others ? { owner } : {}),
          ...(draft.life === never ? { never_expires: true } : { expires_at: new Date(now() + Number(draft.life) * 86_400_000).toISOString() }),
          ...(addresses.length === 0 ? {} : { addresses }),
        },
      });
      setMade(data);
      onMade();
    });
  };

  // The secret is not lost by a key that was meant for something else: only the button closes what shows it.
  if (made !== undefined) {
    return (
      <Dialog variant="medium" aria-labelledby="token-title">
        <Made token={made} onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog variant="small" onClose={onClose} aria-labelledby="token-title">
      <ModalHeader
        title="Make a token"
        labelId="token-title"
        description={others ? <>For <Name name={owner} />: what the account may not, the token may not either.</> : 'What you may not, it may not either.'}
      />
      <ModalBody>
        <Form id="token-form" onSubmit={(e) => void submit(e)}>
          {error !== undefined && <Problem error={error} />}
          <Fields draft={draft} set={(d) => setDraft({ ...draft, ...d })} allowed={allowed} error={error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="token-form" isLoading={busy} isDisabled={busy || draft.name.trim() === ''}>
          Make token
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Dialog>
  );
}
