//! Branches under adversity: parents in use, crashes at every step, races between requests and between replicas. Always the real binary.

mod access;
mod attacks;
mod away;
mod busy_parent;
mod called_off;
mod clinging;
mod disk_full;
mod failpoints;
mod family;
mod full_data_dir;
mod handover;
mod life;
mod locks;
mod moving_parent;
mod newcomers;
mod parents;
mod postgres_kills;
mod quotas;
mod races;
mod random_kills;
mod reader;
mod replicas;
mod small_disk;
mod strangers;
mod walk;
mod world;
