import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState, type RefObject } from 'react';
import { useToast } from '../../components/Toasts';
import { now } from '../../live';
import type { Layout } from '../../topology/layout';
import { offer, pngBlob, standalone, svgBlob } from '../../topology/save';

/** SaveMenu saves the whole drawing, whatever of it is in sight, as it is now and in the colours of now. */
export function SaveMenu({ svg, layout }: { svg: RefObject<SVGSVGElement | null>; layout: Layout | undefined }) {
  const [open, setOpen] = useState(false);
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
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} size="sm" isExpanded={open} onClick={() => setOpen(!open)}>
          Save as
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem onClick={() => void save('png')}>PNG, for documents</DropdownItem>
        <DropdownItem onClick={() => void save('svg')}>SVG, for drawing on</DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}
