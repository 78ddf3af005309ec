import { Alert, FormSelect, FormSelectOption, Switch, TextInput } from '@patternfly/react-core';
import { useState } from 'react';
import { asProblem } from '../../api/problem';
import { useSession } from '../../app/session';
import { Field } from '../../components/Field';
import { FormModal } from '../../components/FormModal';
import { isTwice, NewPassword } from '../../components/NewPassword';
import { fieldMessage } from '../../components/Problem';
import { roles, roleText, type Role } from '../../components/roles';
import { read, write, type User } from './accounts';

const isRole = (v: string): v is Role => roles.some((r) => r === v);

export interface AccountFormProps {
  /** Undefined: a new one. */
  account: { user: User; tag: string } | undefined;
  onDone: (text: string) => void;
  onClose: () => void;
}

/** Theirs shows what somebody else made of the account meanwhile. */
const Theirs = ({ user }: { user: User }) => (
  <Alert isInline variant="warning" title="Somebody changed this account meanwhile">
    Now it has the role {user.role}, {user.disabled ? 'is disabled' : 'is enabled'}
    {user.description === '' ? '' : <>, and is described as <bdi dir="auto">{user.description}</bdi></>}. What you typed stays; saving again replaces theirs.
  </Alert>
);

/** AccountForm creates an account, or changes its role and description. */
export function AccountForm({ account, onDone, onClose }: AccountFormProps) {
  const { me } = useSession();
  const was = account?.user;
  const [name, setName] = useState(was?.name ?? '');
  const [role, setRole] = useState<Role>(was?.role ?? 'viewer');
  const [description, setDescription] = useState(was?.description ?? '');
  const [disabled, setDisabled] = useState(was?.disabled ?? false);
  const [password, setPassword] = useState({ password: '', again: '' });
  const [theirs, setTheirs] = useState<{ user: User; tag: string }>();
  const self = was?.name === me.name;
  const submit = async () => {
    try {
      const draft = { role, description, disabled, ...(was === undefined ? { password: password.password } : {}) };
      await write(name, draft, theirs?.tag ?? account?.tag);
    } catch (e) {
      if (asProblem(e).status === 412 && was !== undefined) setTheirs(await read(was.name));
      throw e;
    }
    onDone(was === undefined ? `Account ${name} was created` : `Account ${name} was changed`);
  };
  return (
    <FormModal
      title={was === undefined ? 'Create account' : `Edit account ${was.name}`}
      text={was === undefined ? undefined : 'Another role counts from the next request of the account on.'}
      action={was === undefined ? 'Create account' : theirs === undefined ? 'Save' : 'Replace theirs'}
      incomplete={name === '' || (was === undefined && !isTwice(password))}
      onSubmit={submit}
      onClose={onClose}
    >
      {(error) => (
        <>
          {theirs !== undefined && <Theirs user={theirs.user} />}
          {was === undefined && asProblem(error).status === 412 && <Alert isInline variant="danger" title={`There is an account ${name} already`} />}
          {was === undefined && (
            <Field id="account-name" label="Name" required error={fieldMessage(error, 'name')} help="Lower case letters, digits, dots, dashes and underscores.">
              <TextInput id="account-name" value={name} maxLength={64} isRequired autoComplete="off" onChange={(_, v) => setName(v)} />
            </Field>
          )}
          <Field id="account-role" label="Role" required error={fieldMessage(error, 'role')} help={roleText[role]}>
            <FormSelect id="account-role" value={role} onChange={(_, v) => isRole(v) && setRole(v)}>
              {roles.map((r) => (
                <FormSelectOption key={r} value={r} label={r} />
              ))}
            </FormSelect>
          </Field>
          <Field id="account-description" label="Description" error={fieldMessage(error, 'description')} help="Who it is; one line.">
            <TextInput id="account-description" value={description} maxLength={256} onChange={(_, v) => setDescription(v)} />
          </Field>
          {was !== undefined && <Switch id="account-disabled" label="Disabled: kept out, its sessions and tokens too" isChecked={disabled} onChange={(_, v) => setDisabled(v)} />}
          {self && (role !== was.role || disabled) && <Alert isInline variant="warning" title="This is your own account: you may not be able to undo it" />}
          {was === undefined && <NewPassword id="account-password" name={name} value={password} onChange={setPassword} message={fieldMessage(error, 'password')} />}
        </>
      )}
    </FormModal>
  );
}

/** ResetPassword gives an account a new password. */
export function ResetPassword({ account: { user, tag }, onDone, onClose }: { account: { user: User; tag: string }; onDone: (text: string) => void; onClose: () => void }) {
  const [password, setPassword] = useState({ password: '', again: '' });
  return (
    <FormModal
      title={`Reset the password of ${user.name}`}
      text="All sessions of the account end. Its tokens stay. Tell its owner to choose another password under My account."
      action="Reset password"
      incomplete={!isTwice(password)}
      onClose={onClose}
      onSubmit={async () => {
        await write(user.name, { role: user.role, description: user.description, disabled: user.disabled, password: password.password }, tag);
        onDone(`The password of ${user.name} was reset`);
      }}
    >
      {(error) => (
        <>
          {asProblem(error).status === 412 && <Alert isInline variant="warning" title="Somebody changed this account meanwhile: close this, look at it, and begin again" />}
          <NewPassword id="reset" name={user.name} value={password} onChange={setPassword} message={fieldMessage(error, 'password')} label="New password" />
        </>
      )}
    </FormModal>
  );
}
