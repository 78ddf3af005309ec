import '@patternfly/patternfly/patternfly-base.css';
import './app.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { asProblem } from '../api/problem';
import { App } from './App';
import './theme'; // the door and the first run follow the system too

/** Once more is tried what may go better then: nothing that was refused. */
const again = (tries: number, error: unknown) => {
  const { status } = asProblem(error);
  return tries < 3 && (status === 0 || status === 429 || status === 503);
};

const client = new QueryClient({
  defaultOptions: {
    queries: { retry: again, retryDelay: (n) => Math.min(8_000, 500 * 2 ** n), staleTime: 2_000, refetchOnWindowFocus: true },
    mutations: { retry: false },
  },
});

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
