//! JSON Web Tokens, keys and passwords.
