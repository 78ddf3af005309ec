import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { query, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { Confirm } from '../../components/Confirm';
import { useToast } from '../../components/Toasts';

/** Download is the link to a file that the appliance keeps. */
export const Download = ({ kind, id }: { kind: 'backups' | 'bundles'; id: string }) => (
  <a href={`/api/v1/${kind}/${id}/content`} download>
    Download<span className="pf-v6-screen-reader"> {id}</span>
  </a>
);

/** useMaking has one more made by a job, and follows that. */
export function useMaking(path: '/api/v1/backups' | '/api/v1/bundles') {
  const client = useQueryClient();
  const toast = useToast();
  const [job, setJob] = useState('');
  const done = (j: Schema['Job']) => setJob(j.id);
  const failed = (e: unknown) => toast({ title: asProblem(e).title, text: asProblem(e).detail, variant: 'danger' });
  const make = query.useMutation('post', path, { onSuccess: done, onError: failed });
  return {
    job,
    follow: setJob,
    making: make.isPending,
    make: () => make.mutate({}),
    forget: () => void client.invalidateQueries({ queryKey: ['get', path] }),
  };
}

/** Forget asks before a file that the appliance keeps is deleted. */
export const Forget = ({ what, action, onConfirm, onClose }: { what: string; action: string; onConfirm: () => Promise<unknown>; onClose: () => void }) => (
  <Confirm title={`Delete ${what}?`} action={action} onConfirm={onConfirm} onClose={onClose}>
    It is gone from this node; copies that were downloaded stay.
  </Confirm>
);
