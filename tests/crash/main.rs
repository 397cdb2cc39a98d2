//! Branches under adversity: parents in use, crashes at every step, races between requests and between replicas. Always the real binary.

mod access;
mod attacks;
mod busy_parent;
mod clinging;
mod disk_full;
mod failpoints;
mod family;
mod life;
mod moving_parent;
mod parents;
mod postgres_kills;
mod quotas;
mod races;
mod random_kills;
mod reader;
mod replicas;
mod walk;
mod world;
