import type { components } from './schema';

/** A problem as the appliance describes it (RFC 9457), or one of the way to it. */
export type Problem = components['schemas']['Problem'];

/** ApiError is what a request that did not succeed throws. */
export class ApiError extends Error implements Problem {
  readonly code: string;
  readonly title: string;
  readonly status: number;
  readonly type: string;
  readonly request_id: string;
  readonly detail?: string;
  readonly fields?: components['schemas']['ProblemField'][];
  /** Seconds after which it may be tried again, where the appliance said so. */
  readonly retryAfter?: number;

  constructor(p: Problem, retryAfter?: number) {
    super(p.detail ?? p.title);
    this.code = p.code;
    this.title = p.title;
    this.status = p.status;
    this.type = p.type;
    this.request_id = p.request_id;
    this.detail = p.detail;
    this.fields = p.fields;
    this.retryAfter = retryAfter;
  }
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string' && 'title' in body && typeof body.title === 'string';
}

/** problemOf reads what a response that is no success says. */
export async function problemOf(response: Response): Promise<ApiError> {
  const after = Number(response.headers.get('Retry-After') ?? NaN);
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    body = undefined;
  }
  if (isProblem(body)) return new ApiError(body, Number.isFinite(after) ? after : undefined);
  return new ApiError({
    code: 'no-answer',
    title: 'The appliance gave an answer that the console does not understand',
    detail: `Status ${response.status}.`,
    status: response.status,
    type: 'about:blank',
    request_id: response.headers.get('X-Request-Id') ?? '',
  });
}

const isTimeout = (why: unknown): boolean => why instanceof DOMException && why.name === 'TimeoutError';

/** unreachable is what a request throws that got no answer at all. */
export function unreachable(why: unknown, again: boolean): ApiError {
  const late = isTimeout(why);
  return new ApiError({
    code: late ? 'timeout' : 'unreachable',
    title: late ? 'The appliance did not answer in time' : 'The appliance cannot be reached',
    detail: again ? 'The console tries again by itself.' : 'Whether it was done is not known: look, then try again.',
    status: 0,
    type: 'about:blank',
    request_id: '',
  });
}

/** asProblem makes something to show of whatever was thrown. */
export function asProblem(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (isTimeout(error)) return unreachable(error, true); // while the body was read: only what is asked for has a long one
  return new ApiError({
    code: 'console',
    title: 'The console failed',
    detail: error instanceof Error ? error.message : String(error),
    status: 0,
    type: 'about:blank',
    request_id: '',
  });
}
