/** Nexthop objects (RTM_NEWNEXTHOP). Models net/ipv4/nexthop.c */

export type { NexthopGroupEntry, NexthopObject, NexthopObjects, NexthopObjectSpec } from '../ip/nexthop.ts';
