/** The live map: the drawing, the packets that move on it, and what a click or a key does. */

import { batch, type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Topology, TrafficEvent } from '../../lab/view/types.ts';
import css from '../styles/map.css?inline';
import { mapWords } from '../words/map.ts';
import { focusedPacket, focusedPath } from '../workspace/focus.ts';
import { ChosenWay, wayOf } from './ChosenWay.tsx';
import { Drawing, type GroupProps } from './Drawing.tsx';
import { type Geometry, pathOf } from './geometry.ts';
import { type Item, isDirection, itemsOf, nextItem } from './items.ts';
import { layout } from './layout.ts';
import { endText, MapText } from './MapText.tsx';
import { namesOf } from './say.ts';
import { Show, type Shown } from './show.ts';
import { useZoom } from './zoom.ts';

const say = mapWords;

/** Comes with the map, so that no page loads it before its prompt; adopted, as strict policies allow. */
const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

function adopt(): void {
  if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

export interface Batch {
  readonly events: readonly TrafficEvent[];
  /** So many at the end are new. */
  readonly fresh: number;
  readonly left: number;
}

export interface MapPaneProps {
  readonly topology: ReadonlySignal<Topology | null>;
  readonly traffic: ReadonlySignal<Batch>;
  /** Opens a terminal; without it nothing is clicked. */
  readonly open?: (place: string) => void;
  /** Grows with every fresh start of the world. */
  readonly generation?: ReadonlySignal<number>;
  /** Wears the colours of the page, not those of the workspace, which is always dark. */
  readonly page?: boolean;
}

/** Small drawings are made larger up to this. */
const LARGEST = 1.25;
const NOTHING: Shown = { drops: [], told: [], merged: 0 };

export function MapPane({ topology, traffic, open, generation, page = false }: MapPaneProps) {
  const stage = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const show = useRef<Show | null>(null);
  const room = useSignal<{ width: number; height: number } | null>(null);
  const opened = useSignal<ReadonlySet<string>>(new Set());
  const active = useSignal('');
  const chosen = useSignal('');
  const paused = useSignal(false);
  const shown = useSignal<Shown>(NOTHING);

  const geometry = useComputed<Geometry | null>(() => {
    const r = room.value;
    const t = topology.value;
    return r && t ? layout(t, { width: r.width, height: r.height, opened: opened.value }) : null;
  });
  const items = useComputed<readonly Item[]>(() => (geometry.value && topology.value ? itemsOf(topology.value, geometry.value) : []));
  const byKey = useComputed(() => new Map(items.value.map((i) => [i.key, i])));
  const fit = useComputed(() => {
    const g = geometry.value;
    const r = room.value;
    if (!g || !r) return { scale: 1, x: 0, y: 0 };
    const scale = Math.min(LARGEST, r.width / g.width, r.height / g.height);
    return { scale, x: (r.width - g.width * scale) / 2, y: (r.height - g.height * scale) / 2 };
  });
  const zoom = useZoom(stage, fit, geometry);

  useEffect(() => {
    adopt();
    const element = stage.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      const box = entry?.contentRect;
      if (box && box.width > 0 && box.height > 0) room.value = { width: box.width, height: box.height };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!stage.current || !canvas.current) return;
    const made = new Show(stage.current, canvas.current, {
      geometry: () => geometry.peek(),
      frame: () => zoom.frame.peek(),
      tell: (next) => {
        shown.value = next;
      },
    });
    show.current = made;
    return () => made.stop();
  }, []);

  // The drawing is on the page when this runs after a change of it.
  useEffect(() => show.current?.redrawn(), [geometry.value, room.value]);
  useSignalEffect(() => {
    void zoom.frame.value;
    show.current?.wake();
  });
  useSignalEffect(() => {
    const { events, fresh, left } = traffic.value;
    if (fresh > 0 || left > 0) show.current?.feed(events.slice(events.length - fresh), left);
  });
  useSignalEffect(() => {
    if (generation && generation.value > 0) show.current?.clear();
  });
  useSignalEffect(() => show.current?.pause(paused.value));

  const go = (item: Item | undefined): void => {
    if (!item) return;
    active.value = item.key;
    const element = svg.current?.querySelector<SVGGElement>(`[data-item="${CSS.escape(item.key)}"]`);
    element?.focus({ preventScroll: true });
    zoom.reveal(item.at);
  };

  const use = (item: Item): void => {
    batch(() => {
      active.value = item.key;
      if (item.kind === 'service') chosen.value = chosen.value === item.key ? '' : item.key;
    });
    if (item.place !== null && open) open(item.place);
  };

  const keys = (event: KeyboardEvent): void => {
    const item = byKey.value.get(active.value) ?? items.value[0];
    if (!item) return;
    if (isDirection(event.key)) go(nextItem(items.value, item, event.key));
    else if (event.key === 'Home') go(items.value[0]);
    else if (event.key === 'End') go(items.value.at(-1));
    else if (event.key === 'Enter' || event.key === ' ') use(item);
    else if (event.key === '+' || event.key === '=') zoom.by(1.25);
    else if (event.key === '-') zoom.by(0.8);
    else if (event.key === '0') zoom.reset();
    else return;
    event.preventDefault();
  };

  const g = geometry.value;
  const first = byKey.value.get(active.value) ?? items.value[0];
  const behave = (key: string): GroupProps => {
    const item = byKey.value.get(key);
    if (!item || !open) return {};
    const acts = item.place !== null || item.kind === 'service';
    return {
      'data-item': key,
      tabindex: item === first ? 0 : -1,
      role: acts ? 'button' : 'img',
      'aria-label': `${item.line}.${item.kind === 'service' ? '' : ` ${item.place === null ? say.shut : say.opens}`}`,
      ...(item.kind === 'service' ? { 'aria-pressed': chosen.value === key ? 'true' : 'false' } : {}),
      class: acts ? 'map-acts' : '',
      onClick: () => zoom.dragged() || use(item),
      onFocus: () => {
        active.value = key;
      },
    };
  };

  // The same element again is not looked at again: what is told of packets changes often, the drawing seldom.
  const drawing = useMemo(() => g && <Drawing geometry={g} behave={behave} />, [g, first, chosen.value, open !== undefined]);
  const frame = zoom.frame.value;
  const lines = g && chosen.value ? endpointLines(g, chosen.value) : [];
  const path = page ? null : focusedPath.value;
  const way = useMemo(() => g && path && wayOf(g, path), [g, path]);
  const folded = g && g.level !== 'full' ? g.spaces.filter((s) => !s.inner && s.kind === 'node') : [];
  const names = useMemo(() => (topology.value ? namesOf(topology.value) : String), [topology.value]);
  const last = shown.value.drops.at(-1);
  const now = byKey.value.get(active.value);
  return (
    <div class={`map ${page ? 'map-page' : ''}`} data-level={g?.level}>
      <div class="map-stage" ref={stage} data-zoomed={zoom.zoomed.value ? '' : undefined}>
        {g ? (
          <svg
            class="map-svg"
            ref={svg}
            role={open ? 'group' : 'img'}
            aria-label={open ? `${say.title}. ${say.hint}` : say.title}
            onKeyDown={open ? keys : undefined}
          >
            <g transform={`translate(${frame.x} ${frame.y}) scale(${frame.scale})`}>
              {drawing}
              {lines.length > 0 && (
                <g class="map-endpoints">
                  {lines.map((d) => (
                    <path d={d} key={d} />
                  ))}
                </g>
              )}
              {open &&
                folded.map((s) => (
                  <Fold
                    key={s.id}
                    at={{ x: s.x + s.w - 12, y: s.y + 11.5 }}
                    label={opened.value.has(s.id) ? say.collapse(s.title) : say.expand(s.title)}
                    open={opened.value.has(s.id)}
                    toggle={() => {
                      const next = new Set(opened.value);
                      if (!next.delete(s.id)) next.add(s.id);
                      opened.value = next;
                    }}
                  />
                ))}
              <g class="map-lit" />
              {g && way && <ChosenWay way={way} geometry={g} />}
            </g>
          </svg>
        ) : (
          <p class="map-wait">{say.starting}</p>
        )}
        <canvas class="map-canvas" ref={canvas} />
        <div class="map-tags">
          {g &&
            shown.value.drops.map((d) => (
              <p
                class="map-drop"
                key={d.key}
                data-drop={d.where}
                style={{ left: `${frame.x + d.at.x * frame.scale}px`, top: `${frame.y + d.at.y * frame.scale}px` }}
              >
                <b aria-hidden="true">✕</b> {say.dropAt(names(d.space), d.why)}
              </p>
            ))}
        </div>
        {shown.value.merged > 0 && <p class="map-merged">{say.merged(shown.value.merged)}</p>}
      </div>
      {path && (
        <p class="map-chosen" data-end={path.end}>
          <span>
            <b>{path.label}</b> {endText(path)}
          </span>
          <button type="button" aria-label={say.unchoose} title={say.unchoose} onClick={unchoose}>
            ✕
          </button>
        </p>
      )}
      <p class="sr-only" role="status">
        {last ? say.dropAt(names(last.space), say.drop(last.why)) : ''}
      </p>
      {topology.value && (
        <MapText topology={topology.value} told={shown.value.told} line={now?.line ?? ''}>
          <fieldset class="map-buttons" aria-label={say.title}>
            <button
              type="button"
              aria-pressed={paused.value}
              onClick={() => (paused.value = !paused.value)}
              aria-label={paused.value ? say.play : say.pause}
              title={paused.value ? say.play : say.pause}
            >
              {paused.value ? '▶' : '❚❚'}
            </button>
            <button type="button" onClick={() => zoom.by(0.8)} aria-label={say.zoomOut} title={say.zoomOut}>
              −
            </button>
            <button type="button" onClick={() => zoom.by(1.25)} aria-label={say.zoomIn} title={say.zoomIn}>
              +
            </button>
            {zoom.zoomed.value && (
              <button type="button" onClick={() => zoom.reset()} aria-label={say.fit} title={say.fit}>
                ⤢
              </button>
            )}
          </fieldset>
        </MapText>
      )}
    </div>
  );
}

function unchoose(): void {
  batch(() => {
    focusedPacket.value = null;
    focusedPath.value = null;
  });
}

function endpointLines(g: Geometry, key: string): string[] {
  const badge = g.services.find((s) => `service ${s.id}` === key);
  if (!badge) return [];
  return badge.endpoints.flatMap((id) => {
    const box = g.spaces.find((s) => s.id === id);
    if (!box) return [];
    const from = { x: badge.x + badge.w / 2, y: badge.y + badge.h };
    const to = { x: box.x + box.w / 2, y: box.y };
    const mid = (from.y + to.y) / 2;
    return [`${pathOf([from])}C${from.x} ${mid} ${to.x} ${mid} ${to.x} ${to.y}`];
  });
}

interface FoldProps {
  readonly at: { readonly x: number; readonly y: number };
  readonly label: string;
  readonly open: boolean;
  readonly toggle: () => void;
}

function Fold({ at, label, open, toggle }: FoldProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <g
      class="map-fold map-acts"
      role="button"
      tabindex={0}
      aria-label={label}
      aria-expanded={open}
      onClick={toggle}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        event.stopPropagation();
        toggle();
      }}
    >
      <rect x={at.x - 8} y={at.y - 8} width="16" height="16" rx="4.5" />
      <path d={open ? `M${at.x - 4} ${at.y}h8` : `M${at.x - 4} ${at.y}h8m-4 -4v8`} />
    </g>
  );
}
