/** All kinds that have rules of their own; importing this module registers them. */

import './rules-pod.ts';
import './rules-service.ts';
