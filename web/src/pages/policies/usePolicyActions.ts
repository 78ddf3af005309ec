import { useMemo } from 'react';
import { api, ifMatch, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { useForgetConfiguration } from '../../app/change';
import { useToast } from '../../components/Toasts';

type Policy = Schema['PolicyItem'];

const about = (p: Policy) => ({ path: { name: p.name ?? '' }, header: ifMatch(p.version) });

/**
 * usePolicyActions is what is done with a policy in the list, all of it edits of the pending configuration. What asks no
 * question tells in passing how it went; what asks one throws, so that the dialog says it.
 */
export function usePolicyActions() {
  const toast = useToast();
  const forget = useForgetConfiguration();
  return useMemo(() => {
    const done = (title: string) => {
      toast({ title, text: 'It is pending until the changes are applied.', variant: 'success' });
      forget();
    };
    const failed = (e: unknown, what: string) => {
      const p = asProblem(e);
      const title = p.status === 412 ? `Somebody changed ${what} meanwhile: look at it again` : p.title;
      toast({ title, ...(p.detail === undefined ? {} : { text: p.detail }), variant: 'danger' });
      forget();
    };
    const tell = async (call: Promise<unknown>, title: string, what: string): Promise<boolean> => {
      try {
        await call;
        done(title);
        return true;
      } catch (e) {
        failed(e, what);
        return false;
      }
    };
    return {
      move: (p: Policy, place: Schema['Place'], where: string) => tell(api.POST('/api/v1/policies/{name}/move', { params: about(p), body: place }), `${p.name} moved ${where}`, `policy ${p.name}`),
      toggle: (p: Policy) =>
        p.disabled === true
          ? tell(api.POST('/api/v1/policies/{name}/enable', { params: about(p) }), `${p.name} enabled`, `policy ${p.name}`)
          : tell(api.POST('/api/v1/policies/{name}/disable', { params: about(p) }), `${p.name} disabled`, `policy ${p.name}`),
      moveTo: async (p: Policy, position: number) => {
        await api.POST('/api/v1/policies/{name}/move', { params: about(p), body: { position } });
        done(`${p.name} moved to place ${position}`);
      },
      clone: async (p: Policy, to: string) => {
        await api.POST('/api/v1/policies/{name}/clone', { params: about(p), body: { to } });
        done(`${p.name} copied to ${to}`);
      },
      rename: async (p: Policy, to: string) => {
        await api.POST('/api/v1/policies/{name}/rename', { params: about(p), body: { to } });
        done(`${p.name} is called ${to} now`);
      },
      remove: async (p: Policy) => {
        await api.DELETE('/api/v1/policies/{name}', { params: about(p) });
        done(`${p.name} deleted`);
      },
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- forget does the same each time
  }, [toast]);
}

export type PolicyActions = ReturnType<typeof usePolicyActions>;
