import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { curl, flags, search } from './commands';
import { quote } from './quote';

/** words is what a shell makes of a text. */
const words = (text: string): string[] => execFileSync('sh', ['-c', `printf '%s\\0' ${text}`], { encoding: 'utf8' }).split('\0').slice(0, -1);

const origin = 'https://fcr-a:8443';

describe('one word for a shell', () => {
  it.each(['', 'plain', 'two words', `it's`, '$(reboot)', '`reboot`', '"', '\\', 'a\nb', '*', '~', '!!', 'a;b', '&', '|', '#', '=ls', 'naïve', 'שלום', '20:00:02:fc:01:00:00:01', "''''"])(
    'is what it was: %j',
    (word) => expect(words(quote(word))).toEqual([word]),
  );
  it('is left as it is where it can be', () => {
    expect(quote('20:00:02:fc:01:00:00:01')).toBe('20:00:02:fc:01:00:00:01');
    expect(quote('=ls')).toBe("'=ls'");
  });
});

describe('the command for curl', () => {
  it('asks the appliance that the page came from, with the token left in its file', () => {
    expect(curl({ path: '/api/v1/flows?limit=5&sort=-byte_rate' }, origin)).toBe(
      `curl --cacert certificate.pem --oauth2-bearer "$(cat token)" 'https://fcr-a:8443/api/v1/flows?limit=5&sort=-byte_rate'`,
    );
  });
  it('says its method and its body', () => {
    const text = curl({ path: '/api/v1/change/apply', method: 'POST', body: { note: `it's "so"`, window_s: 60 } }, origin);
    const all = words(text.replace('"$(cat token)"', 'TOKEN'));
    expect(all.slice(0, 7)).toEqual(['curl', '--cacert', 'certificate.pem', '--oauth2-bearer', 'TOKEN', '--request', 'POST']);
    expect(all[all.indexOf('--json') + 1]).toBe(`{"note":"it's \\"so\\"","window_s":60}`);
    expect(all.at(-1)).toBe('https://fcr-a:8443/api/v1/change/apply');
  });
});

describe('flags', () => {
  it('are one word for each value, whatever it has', () => {
    const all = words('x' + flags({ sort: '-byte_rate', min_bytes: 0, text: `it's a`, verdict: ['redirect', 'drop'], port: '', role: undefined }));
    expect(all).toEqual(['x', '--sort', '-byte_rate', '--min-bytes', '0', '--text', `it's a`, '--verdict', 'redirect,drop']);
  });
});

describe('a query string', () => {
  it('has what is set', () => expect(search({ limit: 5, up: false, role: undefined, text: '', verdict: ['redirect', 'drop'] })).toBe('?limit=5&up=false&verdict=redirect%2Cdrop'));
  it('is none where nothing is', () => expect(search({ text: '' })).toBe(''));
  it('takes any text', () => expect(search({ text: 'a&b=c d' })).toBe('?text=a%26b%3Dc+d'));
});
