/** All kinds that have rules of their own; importing this module registers them. */

import './rules-core.ts';
import './rules-discovery.ts';
import './rules-networking.ts';
import './rules-pod.ts';
import './rules-service.ts';
