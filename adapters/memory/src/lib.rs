//! Honest in-memory fakes of the driven ports.
