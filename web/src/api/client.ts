import createFetchClient, { createQuerySerializer, type Middleware } from 'openapi-fetch';
import createHooks from 'openapi-react-query';
import { observeDate } from '../live/clock';
import { asksOnly, IdempotencyKeys, keyHeader } from './idempotency';
import { ApiError, problemOf, unreachable } from './problem';
import type { components, paths } from './schema';

/** Schema names the types of the REST interface: Schema['Flow']. */
export type Schema = components['schemas'];

/** How long a request may take: the appliance's own bound is 30 s, and its answer says more than our giving up. */
const timeoutMs = 35_000;

const unauthorized = new Set<() => void>();

/** onUnauthorized tells when an answer says that nobody is signed in (any more). */
export function onUnauthorized(listener: () => void): () => void {
  unauthorized.add(listener);
  return () => unauthorized.delete(listener);
}

/** quiet are the paths whose 401 is about what was typed, not about the session. */
const quiet = ['/api/v1/sessions', '/api/v1/setup', '/api/v1/me/password'];

/** Each session has a number, so that an answer to somebody before does not end it. */
let session = 0;
const asked = new WeakMap<Request, number>();

/** sessionBegan is said after signing in. */
export function sessionBegan(): void {
  session++;
}

const keys = new IdempotencyKeys();

const conduct: Middleware = {
  async onRequest({ request }) {
    const url = new URL(request.url);
    if (request.method === 'POST' && !quiet.includes(url.pathname) && !asksOnly(url)) {
      // A file is not read for it: it is sent as it is, and once.
      const json = request.headers.get('Content-Type')?.includes('json') ?? request.body === null;
      request.headers.set(keyHeader, json ? keys.of(`${request.url} ${await request.clone().text()}`) : crypto.randomUUID());
    }
    const bounded = new Request(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]) });
    asked.set(bounded, session);
    return bounded;
  },
  async onResponse({ request, response }) {
    keys.answered(request.headers.get(keyHeader));
    observeDate(response.headers.get('Date'));
    if (response.ok || response.status === 304) return undefined;
    const problem = await problemOf(response);
    const late = asked.get(request) !== session;
    if (problem.status === 401 && !late && !quiet.includes(new URL(request.url).pathname)) unauthorized.forEach((tell) => tell());
    throw problem;
  },
  onError({ request, error }) {
    if (error instanceof ApiError) return error;
    if (error instanceof DOMException && error.name === 'AbortError') return error;
    return unreachable(error, request.method === 'GET');
  },
};

/** Lists in a query are joined by commas, as the appliance's OpenAPI says. */
const serialize = createQuerySerializer({ array: { style: 'form', explode: false } });

/** querySerializer leaves out the cursor 0, which the hooks make of the first page's undefined: no cursor is a number. */
const querySerializer = (params: object): string =>
  serialize(Object.fromEntries(Object.entries(params).filter(([name, value]) => name !== 'cursor' || value !== 0)));

/** api asks the appliance; what is no success is thrown as an ApiError. */
export const api = createFetchClient<paths>({ baseUrl: location.origin, credentials: 'same-origin', querySerializer });
api.use(conduct);

/**
 * query has useQuery, useMutation and queryOptions of every operation:
 * query.useQuery('get', '/api/v1/ports', { params: { query: { limit: 500 } } }).
 */
export const query = createHooks(api);

/** ifMatch is the header by which a write says which version it is about. */
export const ifMatch = (version: number | undefined) => ({ 'If-Match': version === undefined ? '*' : `"${version}"` });
