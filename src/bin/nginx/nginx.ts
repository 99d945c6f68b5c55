/** nginx: being written by NETTOOLS. */
