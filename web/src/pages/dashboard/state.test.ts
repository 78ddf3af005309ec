import { describe, expect, it } from 'vitest';
import { effectsOf, verdict, type Effect, type Facts } from './state';

const well: Facts = {
  connected: true,
  alive: true,
  ports: [{ name: 'edge0', role: 'edge', up: true }, { name: 'fabric0', role: 'fabric', up: true }, { name: 'svc0', role: 'service', up: true }],
  services: [{ name: 'inspect', up: true, effects: ['bypass'], used: true }, { name: 'scan', up: true, effects: ['block'], used: true }],
  alarms: [],
  trial: undefined,
  drift: false,
  peers: [],
  flows: 4,
  redirected: 1,
};
const down = (name: string, ...effects: Effect[]) => ({ name, up: false, effects, used: true });
const alarm = (code: string, severity: 'warning' | 'major' | 'critical', subject?: string) => ({ code, severity, title: 'the clock is not synchronised', consequence: 'times drift', subject });

describe('the sentence of state', () => {
  it('says that all is well, and what is there', () => {
    expect(verdict(well)).toEqual({ tone: 'good', sentence: 'All is well: 4 flows, 1 redirected, all services up.', more: [] });
  });

  it('says what little there is on a new appliance', () => {
    expect(verdict({ ...well, services: [], flows: 0, redirected: 0 }).sentence).toBe('All is well: no flows yet.');
    expect(verdict({ ...well, services: [], flows: 1, redirected: 0 }).sentence).toBe('All is well: 1 flow, none redirected.');
  });

  it('does not say that all is well before it knows', () => {
    expect(verdict({ ...well, alive: undefined }).tone).toBe('neutral');
    expect(verdict({ ...well, alarms: undefined }).tone).toBe('neutral');
  });

  it('does not say that all is well of what is old', () => {
    expect(verdict({ ...well, connected: false })).toMatchObject({ tone: 'warning', sentence: expect.stringContaining('no connection') });
  });

  it('says what follows from a service that is down', () => {
    expect(verdict({ ...well, services: [down('inspect', 'bypass')] })).toMatchObject({ tone: 'bad', sentence: '1 service is down (inspect): flows that it should see take the direct way.' });
    expect(verdict({ ...well, services: [down('a', 'block'), down('b', 'block')] }).sentence).toBe('2 services are down (a and b): flows that they should see are stopped until they are back.');
  });

  it('says of a service whose policies do not agree what each of them does', () => {
    expect(verdict({ ...well, services: [down('inspect', 'block', 'bypass')] }).sentence).toBe(
      '1 service is down (inspect): as policies say, flows that it should see are stopped until it is back, or take the direct way.',
    );
  });

  it('says of a mirror that copies are missing, and of nothing that it is stopped', () => {
    expect(verdict({ ...well, services: [down('tap', 'copies')] }).sentence).toBe('1 service is down (tap): it gets no copies, and the flows themselves go on.');
    expect(verdict({ ...well, services: [down('a', 'copies'), down('b', 'copies')] }).sentence).toContain('they get no copies');
  });

  it('does not guess what follows before policies are known', () => {
    expect(verdict({ ...well, services: [{ ...down('inspect'), effects: undefined }] }).sentence).toBe('1 service is down (inspect).');
  });

  it('puts services that stop flows before those that let them pass', () => {
    const v = verdict({ ...well, services: [down('a', 'bypass'), down('b', 'block')] });
    expect(v.sentence).toContain('(b)');
    expect(v.more[0]).toContain('(a)');
  });

  it('is silent about a service that no policy uses', () => {
    expect(verdict({ ...well, services: [{ ...down('idle', 'block'), used: false }] }).tone).toBe('good');
  });

  it('does not say twice what an alarm says too', () => {
    const v = verdict({ ...well, services: [down('inspect', 'bypass')], alarms: [alarm('service.down', 'major', 'inspect')] });
    expect(v.more).toEqual([]);
  });

  it('says of a data plane that does not run nothing about its ports', () => {
    const v = verdict({ ...well, alive: false, ports: [{ name: 'edge0', role: 'edge', up: false }], services: [down('inspect', 'block')], alarms: [alarm('dataplane.gone', 'critical')] });
    expect(v).toMatchObject({ tone: 'bad', sentence: expect.stringContaining('data plane does not run'), more: [] });
  });

  it('names ports without a link, and not those of services', () => {
    expect(verdict({ ...well, ports: [{ name: 'edge0', role: 'edge', up: false }, { name: 'svc0', role: 'service', up: false }] }).sentence).toMatch(/^Port edge0 has no link/);
    const many = ['a', 'b', 'c', 'd'].map((name) => ({ name, role: 'edge', up: false }));
    expect(verdict({ ...well, ports: many }).sentence).toMatch(/^4 ports \(a, b and 2 more\) have no link/);
  });

  it('puts what is wrong before a revision on trial', () => {
    const trial = { revision: 7, secondsLeft: 45 };
    expect(verdict({ ...well, trial })).toMatchObject({ tone: 'info', sentence: expect.stringContaining('taken back in 45 s'), more: [expect.stringContaining('All else is well')] });
    const v = verdict({ ...well, trial, services: [down('inspect', 'bypass')] });
    expect([v.tone, v.more.length]).toEqual(['bad', 1]);
  });

  it('says severe alarms that nothing else explains, and counts warnings', () => {
    expect(verdict({ ...well, alarms: [alarm('database.unavailable', 'major', 'db')] })).toMatchObject({ tone: 'bad', sentence: 'The clock is not synchronised (db): times drift.' });
    expect(verdict({ ...well, alarms: [alarm('clock.not-synchronised', 'warning')] })).toMatchObject({
      tone: 'good', sentence: expect.stringContaining('Storage traffic is well'), more: ['1 warning: the clock is not synchronised.'],
    });
    expect(verdict({ ...well, alarms: [alarm('a.b', 'warning'), alarm('c.d', 'warning')] }).more).toEqual(['2 warnings, see below.']);
  });

  it('says that a partner is away, and that the configuration drifts', () => {
    expect(verdict({ ...well, peers: [{ name: 'b', partner: true, away: true }] })).toMatchObject({ tone: 'warning', sentence: expect.stringContaining('partner b') });
    expect(verdict({ ...well, drift: true }).tone).toBe('bad');
  });
});

describe('what follows from a service that is down', () => {
  const inspect = { name: 'inspect', mode: 'steer', on_failure: 'block' } as const;
  const redirect = { action: 'redirect', service: 'inspect' } as const;

  it('is what the policy says, else what the service says, else the direct way', () => {
    expect(effectsOf(inspect, [{ ...redirect, on_failure: 'bypass' }])).toEqual(['bypass']);
    expect(effectsOf(inspect, [redirect])).toEqual(['block']);
    expect(effectsOf({ name: 'inspect', mode: 'steer' }, [redirect])).toEqual(['bypass']);
    expect(effectsOf(inspect, [{ ...redirect, on_failure: 'bypass' }, redirect])).toEqual(['block', 'bypass']);
  });

  it('is nothing of policies that are disabled, or of another service', () => {
    expect(effectsOf(inspect, [{ ...redirect, disabled: true }, { action: 'redirect', service: 'other', on_failure: 'bypass' }, redirect])).toEqual(['block']);
  });

  it('is missing copies of a mirror, whatever policies say', () => {
    expect(effectsOf({ name: 'tap', mode: 'mirror' }, undefined)).toEqual(['copies']);
  });

  it('is not known before the policies are', () => expect(effectsOf(inspect, undefined)).toBeUndefined());
});
