//! Branches under adversity: parents in use, crashes at every step, races between requests and between replicas. Always the real binary.

mod access;
mod busy_parent;
mod failpoints;
mod family;
mod moving_parent;
mod quotas;
mod random_kills;
mod replicas;
mod world;
