//! What host, backup and replica share.
