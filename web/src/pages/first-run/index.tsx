import './first-run.css';
import { Button, Card, CardBody, CardTitle, ProgressStep, ProgressStepper, Title } from '@patternfly/react-core';
import { useEffect, useRef, useState } from 'react';
import { Redirect, useLocation, useSearch } from 'wouter';
import { useSignedIn } from '../../app/session';
import { Logo } from '../../components/Logo';
import { Administrator, Welcome } from './Begin';
import { Done, Fabric, Ports } from './Look';
import { next, previous, stepOf, steps, titles, type Step } from './steps';

const headings: Record<Step, string> = {
  welcome: 'Welcome',
  administrator: 'The first administrator',
  ports: 'Ports and links',
  fabric: 'Who is on the fabric',
  done: 'Done',
};

/** useCode keeps the setup code over a reload of this tab: it is worth nothing once there is an account. */
function useCode(): [code: string, keep: (code: string) => void] {
  const key = 'fcr.setup-code';
  const [code, set] = useState(() => {
    try {
      return sessionStorage.getItem(key) ?? '';
    } catch {
      return '';
    }
  });
  return [
    code,
    (to) => {
      set(to);
      try {
        if (to === '') sessionStorage.removeItem(key);
        else sessionStorage.setItem(key, to);
      } catch {
        // It has to be typed again after a reload, then.
      }
    },
  ];
}

const Progress = ({ at }: { at: Step }) => (
  <div className="fcr-first-run-steps">
    <ProgressStepper isCenterAligned aria-label="Steps of the first run">
      {steps.map((s, i) => {
        const before = i < steps.indexOf(at);
        return (
          <ProgressStep key={s} id={`step-${s}`} titleId={`step-${s}-title`} variant={before ? 'success' : s === at ? 'info' : 'pending'} isCurrent={s === at} aria-label={before ? 'done' : s === at ? 'current' : 'to come'}>
            {titles[s]}
          </ProgressStep>
        );
      })}
    </ProgressStepper>
  </div>
);

/** First run: from an appliance without an account to one that is looked at. Nothing is redirected by it. */
export default function FirstRun({ onDone }: { onDone: () => void }) {
  const session = useSignedIn();
  const [, go] = useLocation();
  const asked = new URLSearchParams(useSearch()).get('step') ?? '';
  const [code, setCode] = useCode();
  const [wrong, setWrong] = useState<string>();
  const heading = useRef<HTMLHeadingElement>(null);
  const at = stepOf(asked, session !== undefined, code);
  const was = useRef(at);
  const to = (step: Step, replace = false) => go(`/first-run?step=${step}`, { replace });

  useEffect(() => {
    document.title = `${headings[at]} · FC-Redirect`;
    // Who reads with a screen reader hears where one is now.
    if (was.current !== at) heading.current?.focus();
    was.current = at;
  }, [at]);

  if (session !== undefined && session.me.role !== 'admin') return <Redirect to="/" replace />;
  const after = next(at);
  const back = previous(at, true);
  return (
    <main className="fcr-door">
      <Card className="fcr-first-run" isLarge>
        <CardTitle>
          <Logo />
        </CardTitle>
        <CardBody>
          <Progress at={at} />
          <Title headingLevel="h1" size="xl" className="fcr-space" ref={heading} tabIndex={-1}>
            {headings[at]}
          </Title>
          <div className="fcr-space">
            {at === 'welcome' && (
              <Welcome
                code={code}
                wrong={wrong}
                onNext={(typed) => {
                  setCode(typed);
                  setWrong(undefined);
                  to('administrator');
                }}
              />
            )}
            {at === 'administrator' && (
              <Administrator
                code={code}
                onCode={(why) => {
                  setWrong(why);
                  to('welcome', true);
                }}
                onBack={() => to('welcome')}
                onMade={() => {
                  setCode('');
                  to('ports', true);
                  onDone();
                }}
              />
            )}
            {at === 'ports' && <Ports />}
            {at === 'fabric' && <Fabric />}
            {at === 'done' && <Done />}
          </div>
          {session !== undefined && (
            <div className="fcr-first-run-foot">
              {after === undefined ? <Button onClick={() => go('/')}>To the dashboard</Button> : <Button onClick={() => to(after)}>Next</Button>}
              {back !== undefined && (
                <Button variant="link" onClick={() => to(back)}>
                  Back
                </Button>
              )}
              {after !== undefined && (
                <Button variant="link" onClick={() => go('/')}>
                  Skip the rest
                </Button>
              )}
            </div>
          )}
        </CardBody>
      </Card>
    </main>
  );
}
