/** The steps of a first run. What the appliance knows decides where one is; the address says only how far one has come after that. */
export const steps = ['welcome', 'administrator', 'ports', 'fabric', 'done'] as const;
export type Step = (typeof steps)[number];

export const titles: Record<Step, string> = {
  welcome: 'Setup code',
  administrator: 'Administrator',
  ports: 'Ports',
  fabric: 'Fabric',
  done: 'Done',
};

const before: readonly Step[] = ['welcome', 'administrator'];

/**
 * stepOf is the step to show for what the address asks for. Before there is an administrator who is signed in there are only the
 * first two, and the second needs the code of the first; afterwards there is no way back to them.
 */
export function stepOf(asked: string, signedIn: boolean, code: string): Step {
  const step = steps.find((s) => s === asked);
  if (!signedIn) return step === 'administrator' && code !== '' ? 'administrator' : 'welcome';
  return step === undefined || before.includes(step) ? 'ports' : step;
}

/** next is the step after one; the last has none. */
export const next = (step: Step): Step | undefined => steps[steps.indexOf(step) + 1];
export const previous = (step: Step, signedIn: boolean): Step | undefined => {
  const was = steps[steps.indexOf(step) - 1];
  return was === undefined || (signedIn && before.includes(was)) ? undefined : was;
};

/** codeOf is the code as it was copied: without the spaces and line ends around and in it, in small letters. */
export const codeOf = (typed: string): string => typed.replace(/\s+/g, '').toLowerCase();
