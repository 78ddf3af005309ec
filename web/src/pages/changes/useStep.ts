import { useForgetConfiguration } from '../../app/change';
import { asProblem } from '../../api/problem';
import { useToast } from '../../components/Toasts';

/** useStep does something with the state of change control, says so, and has everything read again. What fails is thrown on, for a dialog to show, or told. */
export function useStep() {
  const toast = useToast();
  const forget = useForgetConfiguration();
  const asked = async (what: () => Promise<unknown>, done: string) => {
    try {
      await what();
      toast({ title: done, variant: 'success' });
    } finally {
      forget();
    }
  };
  const told = async (what: () => Promise<unknown>, done: string) => {
    try {
      await asked(what, done);
    } catch (e) {
      const p = asProblem(e);
      toast({ title: p.title, text: p.detail, variant: 'danger' });
    }
  };
  return { asked, told };
}
