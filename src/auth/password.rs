//! Passwords, and what is kept of them (Argon2id, RFC 9106).
//!
//! Hashing takes about 19 MiB and some tens of milliseconds: never on an async thread, and few at a time.

use std::fmt;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};

use super::token::Digest;

/// The shortest password, characters. There is no rule about which (NIST SP 800-63B, 3.1.1.2).
const SHORTEST: usize = 12;
/// The longest, bytes.
const LONGEST: usize = 256;
/// As OWASP's cheat sheet has it: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password as somebody gave it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Password(String);

/// Why a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password has {SHORTEST} characters at least and {LONGEST} bytes at most")]
    Length,
    /// It says who uses it.
    #[error("a password must not be the user's name")]
    IsName,
    /// It cannot be hashed.
    #[error("the password cannot be hashed")]
    Hashing,
}

/// What is kept of a password: a PHC string with the parameters, the salt and the hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hash(String);

impl Password {
    /// This text, whatever it is: one that somebody logs in with.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether a user of this name may have it from now on.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub fn check(&self, name: &str) -> Result<(), PasswordError> {
        if self.0.chars().count() < SHORTEST || self.0.len() > LONGEST {
            return Err(PasswordError::Length);
        }
        if self.0.eq_ignore_ascii_case(name) {
            return Err(PasswordError::IsName);
        }
        Ok(())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// What is kept of it. Takes a while.
    ///
    /// # Errors
    /// When it cannot be hashed, which is when there is no memory.
    pub fn hash(&self, salt: [u8; 16]) -> Result<Hash, PasswordError> {
        let salt = SaltString::encode_b64(&salt).map_err(|_| PasswordError::Hashing)?;
        let hash = hasher()?.hash_password(self.as_bytes(), &salt);
        let hash = hash.map_err(|_| PasswordError::Hashing)?;
        Ok(Hash(hash.to_string()))
    }

    /// Whether it is the one of a hash. Takes a while, and as long for a wrong one; also where there is no hash, so that
    /// nobody finds out which users there are.
    pub fn is(&self, hash: Option<&Hash>) -> bool {
        // No longer than one that may be set: what is hashed is bounded.
        if self.0.len() > LONGEST {
            return false;
        }
        let Some(kept) = hash else {
            let _ = self.hash([0; 16]);
            return false;
        };
        let Ok(kept) = PasswordHash::new(&kept.0) else {
            return false;
        };
        // With the parameters of the hash; the comparison takes the same time wherever the two differ.
        Argon2::default()
            .verify_password(self.as_bytes(), &kept)
            .is_ok()
    }
}

impl Hash {
    /// Names this hash: each has a salt of its own.
    pub(super) fn stamp(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
    let params = params.map_err(|_| PasswordError::Hashing)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_opens() {
        let password = Password::new("correct horse battery");
        let hash = password.hash([7; 16]).expect("hashed");
        assert!(
            hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.0
        );
        assert_ne!(hash, password.hash([8; 16]).expect("hashed"));
        assert!(password.is(Some(&hash)));
        assert!(!Password::new("correct horse batterz").is(Some(&hash)));
        assert!(!Password::new("").is(Some(&hash)));
        assert!(!password.is(None));
        assert!(!password.is(Some(&Hash("$argon2id$nonsense".to_owned()))));
        assert!(!format!("{password:?}{hash:?}").contains("horse"));
    }

    #[test]
    fn what_may_be_set() {
        let check = |text: &str| Password::new(text).check("administrator");
        assert_eq!(check("twelve chars"), Ok(()));
        assert_eq!(check("äöüäöüäöüäöü"), Ok(()));
        assert_eq!(check("eleven char"), Err(PasswordError::Length));
        assert_eq!(check(&"a".repeat(257)), Err(PasswordError::Length));
        assert_eq!(check("Administrator"), Err(PasswordError::IsName));
    }
}
