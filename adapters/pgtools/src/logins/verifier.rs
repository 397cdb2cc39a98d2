//! What the server keeps of a login's password: a verifier by SCRAM-SHA-256, so that the password itself stands in no statement and no log.

use crate::quoting::literal;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use ports::driven::Secret;
use postgres_protocol::password::scram_sha_256;
use sha2::{Digest, Sha256};

/// Of a password that people use, in quotes: by as many rounds as their clients expect.
pub(crate) fn of_password(password: &Secret) -> String {
    literal(&scram_sha_256(password.expose().as_bytes()))
}

/// Of a password that was derived from a key, in quotes: by a single round. Further ones slow down whoever guesses a word; 256 bits nobody guesses, and
/// the server counts them all once more when it is told the verifier, and at each connection.
pub(crate) fn of_key(password: &Secret) -> String {
    literal(&by_one_round(password.expose().as_bytes(), rand::random()))
}

/// `SCRAM-SHA-256$<rounds>:<salt>$<stored key>:<server key>` (RFC 5802).
fn by_one_round(password: &[u8], salt: [u8; 16]) -> String {
    let salted = mac(password, &[&salt[..], &1_u32.to_be_bytes()].concat());
    let stored_key = Sha256::digest(mac(&salted, b"Client Key"));
    let server_key = mac(&salted, b"Server Key");
    format!("SCRAM-SHA-256$1:{}${}:{}", STANDARD.encode(salt), STANDARD.encode(stored_key), STANDARD.encode(server_key))
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::{by_one_round, of_key, of_password};
    use ports::driven::Secret;

    /// Reckoned elsewhere: `hashlib.pbkdf2_hmac('sha256', b'pencil', bytes(range(16)), 1)` and so on.
    #[test]
    fn one_round_is_pbkdf2_with_one_iteration() {
        let salt = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let expected =
            "SCRAM-SHA-256$1:AAECAwQFBgcICQoLDA0ODw==$ulPBEMD7pdxjBcsUkN1eHH+6PaNEw+VlbDgOlKfXVz0=:FLxfly9TUma+46jkj8QyTfQMWRqeNyK1YOt6NKVPr/I=";
        assert_eq!(by_one_round(b"pencil", salt), expected);
    }

    #[test]
    fn the_password_is_not_in_it() {
        let password = Secret::new("correct horse");
        for (verifier, rounds) in [(of_password(&password), 4096), (of_key(&password), 1)] {
            assert!(verifier.starts_with(&format!("'SCRAM-SHA-256${rounds}:")) && !verifier.contains("correct"), "{verifier}");
        }
    }
}
