/** Nexthop objects (RTM_NEWNEXTHOP). Models net/ipv4/nexthop.c */

export {};
