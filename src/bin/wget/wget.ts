/** wget: being written by NETTOOLS. */
