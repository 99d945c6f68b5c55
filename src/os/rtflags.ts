/** Route flags of /proc/net/route. Models include/uapi/linux/route.h */

export const RTF_UP = 0x0001;
export const RTF_GATEWAY = 0x0002;
export const RTF_HOST = 0x0004;
export const RTF_REJECT = 0x0200;
