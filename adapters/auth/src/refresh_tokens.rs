//! Refresh tokens: random texts, of which only the SHA-256 is kept.

use crate::random::random_text;
use ports::driven::{RefreshTokens, Secret};
use sha2::{Digest, Sha256};

/// Makes refresh tokens of 256 random bits. A plain hash will do: what is random cannot be guessed from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomRefreshTokens;

impl RefreshTokens for RandomRefreshTokens {
    fn mint(&self) -> (Secret, [u8; 32]) {
        let token = Secret::new(random_text());
        let hash = self.hash(&token);
        (token, hash)
    }

    fn hash(&self, token: &Secret) -> [u8; 32] {
        Sha256::digest(token.expose()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::RandomRefreshTokens;
    use ports::driven::{RefreshTokens, Secret};

    #[test]
    fn a_fresh_token_is_long_never_the_same_and_found_by_its_hash() {
        let ((one, hash), (two, _)) = (RandomRefreshTokens.mint(), RandomRefreshTokens.mint());
        assert_eq!(one.expose().len(), 43);
        assert_ne!(one, two);
        assert_eq!(RandomRefreshTokens.hash(&one), hash);
        assert_ne!(RandomRefreshTokens.hash(&two), hash);
    }

    #[test]
    fn the_hash_is_sha_256() {
        let hash = RandomRefreshTokens.hash(&Secret::new("abc"));
        assert_eq!(hash[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
