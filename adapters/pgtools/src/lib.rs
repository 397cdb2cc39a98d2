//! Cloning by pg_dump, pg_restore and COPY.
