import type { ApiError } from '../../api/problem';
import { waitInWords } from '../../components/useCountdown';

export interface Reason {
  title: string;
  text: string;
  /** danger: what was typed is wrong; warning: it may be right, and can be tried again. */
  variant: 'danger' | 'warning';
}

/** reasonOf says why signing in failed, and what to do. The appliance does not tell a wrong name from a wrong password, nor from a disabled account: strangers would learn who has one. */
export function reasonOf(p: ApiError): Reason {
  const after = p.retryAfter === undefined ? '' : `Try again in ${waitInWords(Math.ceil(p.retryAfter))}.`;
  switch (p.code) {
    case 'bad_credentials':
      return { title: 'Name or password are wrong', text: 'An account that was disabled is answered like this too: an administrator can tell.', variant: 'danger' };
    case 'locked_out':
      return { title: 'Too many failed attempts', text: `${after} Trying earlier neither helps nor makes it longer.`.trim(), variant: 'danger' };
    case 'too_many_requests':
    case 'busy':
      return { title: 'Too many ask at once', text: after === '' ? 'Try again in a moment.' : after, variant: 'warning' };
    case 'unreachable':
    case 'timeout':
      return { title: p.title, text: 'Look whether the appliance runs and the network is there, then try again. What you typed is still here.', variant: 'warning' };
    case 'foreign_origin':
      return { title: 'The appliance does not know this address', text: 'Open the console by a name or address that its certificate is for.', variant: 'danger' };
    default:
      return { title: p.title, text: [p.detail, p.request_id === '' ? undefined : `The log has it as request ${p.request_id}.`].filter((t) => t !== undefined).join(' '), variant: p.status === 503 ? 'warning' : 'danger' };
  }
}
