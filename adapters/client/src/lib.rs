//! The driving ports over HTTP.
