/** What a browser calls itself, as people call it: the rest is for who points at it. */

const browsers: readonly [RegExp, string][] = [
  [/\bEdg(?:A|iOS)?\/(\d+)/, 'Edge'],
  [/\bOPR\/(\d+)/, 'Opera'],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, 'Firefox'],
  [/\bHeadlessChrome\/(\d+)/, 'Headless Chrome'],
  [/\b(?:Chrome|CriOS)\/(\d+)/, 'Chrome'],
  [/\bVersion\/(\d+)\S* (?:Mobile\/\S+ )?Safari\//, 'Safari'],
];

// The order matters: a phone also says that it is like a computer.
const systems: readonly [RegExp, string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(?:iPhone|iPad)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/** browserOf is "Firefox 128 on Linux"; what it does not know it shows as it came. */
export function browserOf(agent: string): string {
  if (agent === '') return 'unknown';
  const browser = browsers.map(([is, name]) => [is.exec(agent)?.[1], name]).find(([version]) => version !== undefined);
  if (browser === undefined) return agent.length > 60 ? agent.slice(0, 59) + '…' : agent;
  const system = systems.find(([is]) => is.test(agent));
  return `${browser[1]} ${browser[0]}${system === undefined ? '' : ' on ' + system[1]}`;
}
