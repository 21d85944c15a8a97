//! Logging in: Basic (RFC 7617), Digest (RFC 7616 and 2069), Bearer. Pure but for a nonce of ours.

use http_auth::{PasswordClient, PasswordParams};

use super::message::Response;
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::stream::Credentials;

/// What answers the challenges of one server.
pub(super) struct Login {
    credentials: Option<Credentials>,
    /// The newest challenge of a kind that is known.
    client: Option<PasswordClient>,
}

impl Login {
    /// With what the source is defined with; `None` for a server of another origin.
    pub(super) fn new(credentials: Option<Credentials>) -> Self {
        Self {
            credentials,
            client: None,
        }
    }

    /// Whether a challenge can be answered.
    pub(super) fn is_able(&self) -> bool {
        self.credentials.is_some()
    }

    /// Takes a challenge. `attempt` is how often this request was refused already.
    ///
    /// # Errors
    /// [`Cause::Auth`] when there is nothing to answer, or the answer was wrong.
    pub(super) fn challenged(
        &mut self,
        response: &Response,
        attempt: u32,
    ) -> Result<(), IngestError> {
        let refused = |text: &str| Err(IngestError::new(Stage::Request, Cause::Auth, text));
        match &self.credentials {
            None => return refused("the source wants a user name and a password"),
            Some(Credentials::Bearer { .. }) => return refused("the source refuses the token"),
            Some(Credentials::Basic { .. }) => {}
        }
        let mut builder = PasswordClient::builder();
        for value in response.fields.all("WWW-Authenticate") {
            builder = builder.challenges(value);
        }
        let Ok(client) = builder.build() else {
            return refused("the source wants a log-in of a kind that is not known");
        };
        // A nonce that has aged is replaced once more (RFC 7616, 3.3).
        let stale = matches!(&client, PasswordClient::Digest(digest) if digest.stale());
        if attempt > u32::from(stale) {
            return refused("the source refuses the user name or the password");
        }
        self.client = Some(client);
        Ok(())
    }

    /// The `Authorization` of a request.
    pub(super) fn authorization(&mut self, method: &str, uri: &str) -> Option<String> {
        match self.credentials.as_ref()? {
            Credentials::Bearer { token } => Some(format!("Bearer {token}")),
            Credentials::Basic { username, password } => {
                let params = PasswordParams {
                    username,
                    password,
                    uri,
                    method,
                    body: Some(&[]),
                };
                self.client.as_mut()?.respond(&params).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::rtsp::message::{Frame, Framer};

    fn answer(challenge: &str) -> Response {
        let mut framer = Framer::default();
        let text = format!("RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n{challenge}\r\n\r\n");
        framer.buffer().extend_from_slice(text.as_bytes());
        match framer.next() {
            Ok(Some(Frame::Response(response))) => response,
            other => panic!("{other:?}"),
        }
    }

    fn bob() -> Login {
        Login::new(Some(Credentials::Basic {
            username: "bob".into(),
            password: "s3cret".into(),
        }))
    }

    #[test]
    fn digest_is_preferred_and_a_stale_nonce_is_replaced_once() {
        let mut login = bob();
        let both = answer(
            "WWW-Authenticate: Basic realm=\"r\"\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n1\"",
        );
        assert_eq!(login.authorization("DESCRIBE", "rtsp://h/x"), None);
        login.challenged(&both, 0).unwrap();
        let said = login.authorization("DESCRIBE", "rtsp://h/x").unwrap();
        // MD5(MD5(bob:r:s3cret):n1:MD5(DESCRIBE:rtsp://h/x)), as RFC 2069 has it.
        assert!(
            said.contains("response=\"5ec80da2f3c5937329517cca4c7f99b5\""),
            "{said}"
        );
        assert!(
            said.starts_with(
                "Digest username=\"bob\", realm=\"r\", uri=\"rtsp://h/x\", nonce=\"n1\""
            ),
            "{said}"
        );
        assert!(!said.contains("s3cret"));
        let stale = answer("WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", stale=true");
        login.challenged(&stale, 1).unwrap();
        assert!(login.authorization("PLAY", "*").unwrap().contains("n2"));
        assert_eq!(login.challenged(&stale, 2).unwrap_err().cause, Cause::Auth);
        assert_eq!(login.challenged(&both, 1).unwrap_err().cause, Cause::Auth);
    }

    #[test]
    fn without_credentials_or_a_known_kind_it_says_so() {
        let basic = answer("WWW-Authenticate: Basic realm=\"r\"");
        let error = Login::new(None).challenged(&basic, 0).unwrap_err();
        assert!(error.message.contains("wants a user name"), "{error}");
        let odd = answer("WWW-Authenticate: NTLM");
        assert!(
            bob()
                .challenged(&odd, 0)
                .unwrap_err()
                .message
                .contains("not known")
        );
        let mut login = bob();
        login.challenged(&basic, 0).unwrap();
        assert_eq!(
            login.authorization("PLAY", "*").unwrap(),
            "Basic Ym9iOnMzY3JldA=="
        );
    }
}
