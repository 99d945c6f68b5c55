/** The map of the workspace: watches its world and opens its terminals. */

import { useEffect } from 'preact/hooks';
import { askToOpen } from '../workspace/bus.ts';
import type { ViewProps } from '../workspace/Views.tsx';
import { MapPane } from './MapPane.tsx';

export function MapView({ world }: ViewProps) {
  useEffect(() => world.watch('topology', 'traffic'), [world]);
  return (
    <MapPane
      topology={world.topology}
      traffic={world.traffic}
      generation={world.generation}
      open={(place) => {
        askToOpen({ place });
      }}
    />
  );
}
