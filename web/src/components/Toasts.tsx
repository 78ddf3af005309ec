import { Alert, AlertActionCloseButton, AlertGroup } from '@patternfly/react-core';
import { createContext, useCallback, useContext, useState, type ReactNode } from 'react';

interface Toast {
  title: string;
  text?: string;
  variant?: 'success' | 'info' | 'warning' | 'danger';
}

const Context = createContext<(t: Toast) => void>(() => {});

/** useToast tells in passing that something was done, or was not. What must be read belongs into the page instead. */
export const useToast = () => useContext(Context);

/** What is good news goes by itself. */
const shownMs = 6_000;
const most = 5;

export function Toasts({ children }: { children: ReactNode }) {
  const [shown, set] = useState<(Toast & { id: number })[]>([]);
  const add = useCallback((t: Toast) => set((were) => [...were.slice(1 - most), { ...t, id: (were.at(-1)?.id ?? 0) + 1 }]), []);
  const close = (id: number) => set((were) => were.filter((t) => t.id !== id));
  return (
    <Context.Provider value={add}>
      {children}
      <AlertGroup isToast isLiveRegion aria-label="Messages">
        {shown.map((t) => (
          <Alert
            key={t.id}
            variant={t.variant ?? 'info'}
            title={t.title}
            timeout={t.variant === 'danger' ? false : shownMs}
            onTimeout={() => close(t.id)}
            actionClose={<AlertActionCloseButton title={t.title} onClose={() => close(t.id)} />}
          >
            {t.text}
          </Alert>
        ))}
      </AlertGroup>
    </Context.Provider>
  );
}
