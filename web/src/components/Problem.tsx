import { Alert, AlertActionLink, List, ListItem } from '@patternfly/react-core';
import { asProblem } from '../api/problem';

/** Problem shows what went wrong in the appliance's words, field by field, and how to find it in the log. */
export function Problem({ error, again, title }: { error: unknown; again?: () => void; title?: string }) {
  const p = asProblem(error);
  return (
    <Alert
      isInline
      variant={p.status === 0 || p.status === 503 ? 'warning' : 'danger'}
      title={title ?? p.title}
      aria-live="polite"
      actionLinks={again === undefined ? undefined : <AlertActionLink onClick={again}>Try again</AlertActionLink>}
    >
      {title === undefined ? null : <p>{p.title}.</p>}
      {p.detail === undefined ? null : <p>{p.detail}</p>}
      {p.fields === undefined || p.fields.length === 0 ? null : (
        <List>
          {p.fields.map((f) => (
            <ListItem key={f.location + f.message}>
              <code>{f.location.replace(/^body\//, '')}</code> {f.message}
            </ListItem>
          ))}
        </List>
      )}
      <p className="fcr-subtle">
        Code <code>{p.code}</code>
        {p.request_id === '' ? null : (
          <>
            , request <code>{p.request_id}</code>
          </>
        )}
      </p>
    </Alert>
  );
}

/** fieldMessage is what the appliance says about one field of a form. */
export function fieldMessage(error: unknown, field: string): string | undefined {
  if (error === null || error === undefined) return undefined;
  return asProblem(error).fields?.find((f) => f.location === `body/${field}` || f.location === field)?.message;
}
