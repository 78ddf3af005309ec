import { curl, flags, search, type Commands } from './commands';
import { Menu, type Choice } from './Menu';
import { quote } from './quote';
import { useToast } from './Toasts';

export { quote, curl, flags, search, type Commands };

/** CopyAs gives what the page shows as a command. */
export function CopyAs({ commands }: { commands: Commands }) {
  const toast = useToast();
  const copy = async (text: string, name: string) => {
    try {
      await navigator.clipboard.writeText(text);
      toast({ title: `Copied for ${name}`, text, variant: 'success' });
    } catch {
      // Browsers may refuse; then it can be copied from the message by hand.
      toast({ title: `For ${name}`, text, variant: 'info' });
    }
  };
  const choices: Choice[] = [{ text: 'curl', description: `${commands.method ?? 'GET'} ${commands.path}`, onClick: () => void copy(curl(commands), 'curl') }];
  if (commands.fcrctl !== undefined) {
    const line = `fcrctl ${commands.fcrctl}`;
    choices.push({ text: 'fcrctl', description: line, onClick: () => void copy(line, 'fcrctl') });
  }
  return <Menu label="Copy as" variant="secondary" choices={choices} />;
}
