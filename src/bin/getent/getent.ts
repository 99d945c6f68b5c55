/** getent: being written by NETTOOLS. */
