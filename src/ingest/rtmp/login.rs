//! User name and password, as Adobe's media server and those after it ask for them (`authmod=adobe`):
//! the server rejects the connection with a challenge, and the next one answers it. Pure.

use data_encoding::BASE64;
use md5::{Digest, Md5};

use crate::ingest::error::{Cause, IngestError, Stage};
use crate::stream::Credentials;

/// What is told to one server about us.
pub(super) struct Login {
    credentials: Option<(String, String)>,
    /// Appended to the application, with its question mark.
    parameters: String,
    answered: bool,
}

impl Login {
    /// With what the source is defined with. A token has no place in this protocol: it is part of the URL.
    pub(super) fn new(credentials: Option<&Credentials>) -> Self {
        let credentials = match credentials {
            Some(Credentials::Basic { username, password }) => {
                Some((username.clone(), password.clone()))
            }
            _ => None,
        };
        Self {
            credentials,
            parameters: String::new(),
            answered: false,
        }
    }

    /// What belongs behind the application's name.
    pub(super) fn parameters(&self) -> &str {
        &self.parameters
    }

    /// Takes the words of a server that wants to know who we are; then try again. `nonce` differs
    /// from time to time.
    ///
    /// # Errors
    /// [`Cause::Auth`] when there is nothing to answer, or the answer was wrong.
    pub(super) fn challenged(&mut self, words: &str, nonce: u32) -> Result<(), IngestError> {
        let asks = words.contains("authmod=adobe");
        let Some((user, password)) = self.credentials.as_ref().filter(|_| asks) else {
            return Err(refused(
                "the server wants other credentials, or a token in the URL",
            ));
        };
        if self.answered
            || words.contains("reason=authfailed")
            || words.contains("reason=nosuchuser")
        {
            return Err(refused("the server does not accept user name and password"));
        }
        if let Some((_, challenge)) = words.split_once("?reason=needauth") {
            let salt = field(challenge, "salt").unwrap_or_default();
            let opaque = field(challenge, "opaque");
            let secret = opaque.or(field(challenge, "challenge")).unwrap_or_default();
            let nonce = format!("{nonce:08x}");
            let response = digest(&[&digest(&[user, salt, password]), secret, &nonce]);
            self.parameters =
                format!("?authmod=adobe&user={user}&challenge={nonce}&response={response}");
            if let Some(opaque) = opaque {
                self.parameters.push_str("&opaque=");
                self.parameters.push_str(opaque);
            }
            self.answered = true;
        } else if self.parameters.is_empty() {
            // First the server wants the name, for its salt.
            self.parameters = format!("?authmod=adobe&user={user}");
        } else {
            return Err(refused("the server asks for credentials in an unknown way"));
        }
        Ok(())
    }
}

fn refused(text: &str) -> IngestError {
    IngestError::new(Stage::Request, Cause::Auth, text)
}

/// A field of `&name=value&...`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name);
    values.next().map(|(_, value)| value.trim())
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    BASE64.encode(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: &str = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";
    const CHALLENGE: &str = "[ AccessManager.Reject ] : [ authmod=adobe ] : \
        ?reason=needauth&user=bob&salt=SALT==&challenge=CH==&opaque=OP==";

    fn login() -> Login {
        Login::new(Some(&Credentials::Basic {
            username: "bob".to_owned(),
            password: "s3cret".to_owned(),
        }))
    }

    #[test]
    fn a_challenge_is_answered_once() {
        let mut login = login();
        assert_eq!(login.parameters(), "");
        login.challenged(NEED, 1).unwrap();
        assert_eq!(login.parameters(), "?authmod=adobe&user=bob");
        login.challenged(CHALLENGE, 0xabc).unwrap();
        assert_eq!(login.parameters(), EXPECTED);
        assert_eq!(
            login.challenged(CHALLENGE, 2).unwrap_err().cause,
            Cause::Auth
        );
    }

    #[test]
    fn who_has_nothing_to_say_is_refused() {
        assert_eq!(
            Login::new(None).challenged(NEED, 1).unwrap_err().cause,
            Cause::Auth
        );
        let mut login = login();
        assert!(login.challenged("Invalid token", 1).is_err());
        login.challenged(NEED, 1).unwrap();
        assert!(login.challenged(NEED, 1).is_err());
    }

    /// By Python's `hashlib`, after what ffmpeg sends.
    const EXPECTED: &str =
        "?authmod=adobe&user=bob&challenge=00000abc&response=LFzp+PT0FY1W7LAPDfY8CQ==&opaque=OP==";
}
