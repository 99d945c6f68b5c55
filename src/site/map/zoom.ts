/** Pan and zoom of the map: buttons, Ctrl and wheel, pinch, drag. */

import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Frame } from './canvas.ts';
import type { Geometry, Point } from './geometry.ts';

const MOST = 5;
/** A click that moves further is a drag. */
const SLOP = 5;
const EDGE = 40;

interface View {
  /** Times the scale at which all of it is seen. */
  readonly k: number;
  readonly dx: number;
  readonly dy: number;
}

const WHOLE: View = { k: 1, dx: 0, dy: 0 };

export function useZoom(stage: RefObject<HTMLElement>, fit: ReadonlySignal<Frame>, geometry: ReadonlySignal<Geometry | null>) {
  const view = useSignal<View>(WHOLE);
  const moved = useRef(false);
  const frame = useComputed<Frame>(() => {
    const { k, dx, dy } = view.value;
    const { scale, x, y } = fit.value;
    return { scale: scale * k, x: x + dx, y: y + dy };
  });

  /** At least a part of the drawing stays in sight. */
  const keep = (v: View): View => {
    const g = geometry.peek();
    const element = stage.current;
    if (!g || !element || v.k <= 1) return v.k <= 1 ? WHOLE : v;
    const { scale, x, y } = fit.peek();
    const w = g.width * scale * v.k;
    const h = g.height * scale * v.k;
    const clamp = (d: number, at: number, size: number, all: number): number => Math.min(all - EDGE - at, Math.max(EDGE - size - at, d));
    return { k: v.k, dx: clamp(v.dx, x, w, element.clientWidth), dy: clamp(v.dy, y, h, element.clientHeight) };
  };

  const about = (factor: number, p: Point): void => {
    const v = view.peek();
    const f = frame.peek();
    const k = Math.min(MOST, Math.max(1, v.k * factor));
    const by = k / v.k;
    const base = fit.peek();
    view.value = keep({ k, dx: p.x - (p.x - f.x) * by - base.x, dy: p.y - (p.y - f.y) * by - base.y });
  };

  const middle = (): Point => ({ x: (stage.current?.clientWidth ?? 0) / 2, y: (stage.current?.clientHeight ?? 0) / 2 });

  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const stop = new AbortController();
    const { signal } = stop;
    const pointers = new Map<number, Point>();
    const at = (e: PointerEvent | WheelEvent): Point => {
      const box = element.getBoundingClientRect();
      return { x: e.clientX - box.left, y: e.clientY - box.top };
    };
    element.addEventListener(
      'wheel',
      (e) => {
        if (!e.ctrlKey && !e.metaKey) return;
        e.preventDefault();
        about(Math.exp(-e.deltaY / 300), at(e));
      },
      { signal, passive: false },
    );
    element.addEventListener(
      'pointerdown',
      (e) => {
        pointers.set(e.pointerId, at(e));
        moved.current = false;
      },
      { signal },
    );
    element.addEventListener(
      'pointermove',
      (e) => {
        const before = pointers.get(e.pointerId);
        if (!before) return;
        const now = at(e);
        const others = [...pointers].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
        const other = others[0];
        if (other) {
          const was = Math.hypot(before.x - other.x, before.y - other.y) || 1;
          const is = Math.hypot(now.x - other.x, now.y - other.y);
          about(is / was, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
          moved.current = true;
        } else if (view.peek().k > 1) {
          if (!moved.current && Math.hypot(now.x - before.x, now.y - before.y) < SLOP) return;
          moved.current = true;
          const v = view.peek();
          view.value = keep({ k: v.k, dx: v.dx + now.x - before.x, dy: v.dy + now.y - before.y });
        }
        pointers.set(e.pointerId, now);
      },
      { signal },
    );
    const end = (e: PointerEvent) => pointers.delete(e.pointerId);
    for (const type of ['pointerup', 'pointercancel', 'pointerleave'] as const) element.addEventListener(type, end, { signal });
    return () => stop.abort();
  }, []);

  return {
    frame,
    zoomed: useComputed(() => view.value.k > 1),
    by: (factor: number) => about(factor, middle()),
    reset: () => {
      view.value = WHOLE;
    },
    /** Whether the click that comes now ends a drag. */
    dragged: (): boolean => moved.current,
    /** Brings a point of the drawing into sight. */
    reveal(p: Point): void {
      const element = stage.current;
      if (!element || view.peek().k <= 1) return;
      const f = frame.peek();
      const [x, y] = [f.x + p.x * f.scale, f.y + p.y * f.scale];
      const over = (v: number, all: number): number => (v < EDGE ? EDGE - v : v > all - EDGE ? all - EDGE - v : 0);
      const v = view.peek();
      view.value = keep({ k: v.k, dx: v.dx + over(x, element.clientWidth), dy: v.dy + over(y, element.clientHeight) });
    },
  };
}
