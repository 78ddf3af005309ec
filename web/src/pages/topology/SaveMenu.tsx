import type { RefObject } from 'react';
import { Menu } from '../../components/Menu';
import { useToast } from '../../components/Toasts';
import { now } from '../../live';
import type { Layout } from '../../topology/layout';
import { offer, pngBlob, standalone, svgBlob } from '../../topology/save';

/** SaveMenu saves the whole drawing, whatever of it is in sight, as it is now and in the colours of now. */
export function SaveMenu({ svg, layout }: { svg: RefObject<SVGSVGElement | null>; layout: Layout | undefined }) {
  const toast = useToast();
  const save = async (kind: 'svg' | 'png') => {
    const drawn = svg.current;
    if (drawn === null || layout === undefined) return;
    const ground = drawn.parentElement === null ? 'white' : getComputedStyle(drawn.parentElement).backgroundColor;
    const name = `topology-${new Date(now()).toISOString().slice(0, 19).replaceAll(':', '-')}.${kind}`;
    try {
      const text = standalone(drawn, layout.width, layout.height, ground);
      offer(kind === 'svg' ? svgBlob(text) : await pngBlob(text, layout.width, layout.height), name);
      toast({ title: `Saved ${name}`, variant: 'success' });
    } catch (e) {
      toast({ title: 'The topology could not be saved', text: e instanceof Error ? e.message : String(e), variant: 'danger' });
    }
  };
  const choices = [
    { text: 'PNG, for documents', onClick: () => void save('png') },
    { text: 'SVG, for drawing on', onClick: () => void save('svg') },
  ];
  return <Menu label="Save as" size="sm" choices={choices} />;
}
