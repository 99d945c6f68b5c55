/** All kinds that have rules of their own; importing this module registers them. */

import './gateway/index.ts';
import './rules-apps.ts';
import './rules-batch.ts';
import './rules-columns.ts';
import './rules-core.ts';
import './rules-discovery.ts';
import './rules-extension.ts';
import './rules-hpa.ts';
import './rules-networking.ts';
import './rules-pod.ts';
import './rules-policy.ts';
import './rules-rbac.ts';
import './rules-service.ts';
import './rules-warnings.ts';
import './storage.ts';
