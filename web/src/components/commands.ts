import { quote } from './quote';

/** What a page asks: a path with its query, and the same for fcrctl. */
export interface Commands {
  /** '/api/v1/flows?limit=100' */
  path: string;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: unknown;
  /** Without the program's name: 'flow list --state active'. Each word that needs it is quoted by the caller with quote. */
  fcrctl?: string;
}

/** curl is the command for a shell; the token stays in its file, so that it is in no history. */
export function curl({ path, method = 'GET', body }: Commands, origin = location.origin): string {
  const parts = ['curl', '--cacert certificate.pem', '--oauth2-bearer "$(cat token)"'];
  if (method !== 'GET') parts.push(`--request ${method}`);
  if (body !== undefined) parts.push(`--json ${quote(JSON.stringify(body))}`);
  parts.push(quote(origin + path));
  return parts.join(' ');
}

type Params = Record<string, string | number | boolean | readonly string[] | undefined>;

/** What is set of them, as texts. Lists are joined by commas. */
const said = (params: Params): [string, string][] => Object.entries(params).flatMap(([k, v]) => (v === undefined || v === '' ? [] : [[k, String(v)]]));

/** flags are the same for fcrctl: ' --state active', with a space before each. */
export const flags = (params: Params): string =>
  said(params)
    .map(([k, v]) => ` --${k.replaceAll('_', '-')} ${quote(v)}`)
    .join('');

/** search makes a query string of what is set. */
export function search(params: Params): string {
  const text = new URLSearchParams(said(params)).toString();
  return text === '' ? '' : '?' + text;
}
