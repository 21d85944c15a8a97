//! What a server's status means for the pull. Pure.

use super::amf0::Value;
use crate::ingest::error::Cause;

/// What to do about a status.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Ignore,
    /// The stream plays.
    Plays,
    /// The publisher left.
    Unpublished,
    /// The stream has ended.
    Ended,
    /// Another URL is to be asked.
    Moved(String),
    /// Credentials are wanted; what for is in the server's words.
    Challenged(String),
    /// It will not be.
    Failed(Cause, &'static str),
}

/// Judges the information object of a `_result`, an `_error` or an `onStatus`. `refused`: it is an
/// `_error`, so that it is a failure whatever its code.
pub(super) fn judge(info: &Value, refused: bool) -> Verdict {
    let text = |name: &str| info.get(name).and_then(Value::text).unwrap_or_default();
    if let Some(target) = redirect(info) {
        return Verdict::Moved(target);
    }
    let (code, description) = (text("code").to_ascii_lowercase(), text("description"));
    let is = |words: &[&str]| words.iter().any(|word| code.ends_with(word));
    let refused = refused || text("level") == "error";
    if is(&["play.start", "data.start"]) {
        Verdict::Plays
    } else if is(&["play.unpublishnotify"]) {
        Verdict::Unpublished
    } else if is(&["play.stop", "play.complete"]) {
        Verdict::Ended
    } else if is(&["connect.closed", "connect.appshutdown"]) {
        Verdict::Failed(Cause::Server, "the server closes the RTMP session")
    } else if !refused && !is(&["connect.rejected", "play.streamnotfound"]) {
        Verdict::Ignore
    } else if asks_for_credentials(&code) || asks_for_credentials(description) {
        Verdict::Challenged(description.to_owned())
    } else if is(&["play.streamnotfound"]) {
        Verdict::Failed(Cause::NotFound, "the server has no stream of this name")
    } else if is(&["connect.invalidapp"]) {
        let text = "the server has no application of this name";
        Verdict::Failed(Cause::NotFound, text)
    } else if is(&["play.filestructureinvalid", "play.nosupportedtrackfound"]) {
        let text = "the server finds nothing in the stream that can be played";
        Verdict::Failed(Cause::NotMedia, text)
    } else if is(&["connect.rejected"]) {
        Verdict::Failed(Cause::Refused, "the server rejects the RTMP connection")
    } else {
        Verdict::Failed(Cause::Server, "the server answers with an RTMP error")
    }
}

fn asks_for_credentials(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = [
        "auth",
        "code=403",
        "forbidden",
        "denied",
        "password",
        "credential",
    ];
    words.iter().any(|word| text.contains(word))
}

/// As load balancers send it: `ex: { code: 302, redirect: URL }`.
fn redirect(info: &Value) -> Option<String> {
    let ex = info.get("ex")?;
    let moved = ex.get("code").and_then(Value::number) == Some(302.0);
    let target = ex.get("redirect").and_then(Value::text)?;
    moved.then(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(members: &[(&str, &str)]) -> Value {
        let member = |(name, text): &(&str, &str)| {
            let value = Value::Text((*text).to_owned());
            ((*name).to_owned(), value)
        };
        Value::Object(members.iter().map(member).collect())
    }

    #[test]
    fn codes_become_causes() {
        let cause = |code, description| {
            let members = [
                ("level", "error"),
                ("code", code),
                ("description", description),
            ];
            match judge(&info(&members), false) {
                Verdict::Failed(cause, _) => cause,
                Verdict::Challenged(_) => Cause::Auth,
                other => panic!("{code}: {other:?}"),
            }
        };
        for (code, description, expected) in [
            (
                "NetStream.Play.StreamNotFound",
                "No such stream",
                Cause::NotFound,
            ),
            ("NetConnection.Connect.InvalidApp", "", Cause::NotFound),
            ("NetConnection.Connect.Rejected", "", Cause::Refused),
            (
                "NetConnection.Connect.Rejected",
                "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ",
                Cause::Auth,
            ),
            ("NetStream.play.Unauthorized", "", Cause::Auth),
            ("NetStream.Play.FileStructureInvalid", "", Cause::NotMedia),
            ("NetConnection.Connect.AppShutdown", "", Cause::Server),
            ("NetStream.Something.New", "", Cause::Server),
        ] {
            assert_eq!(cause(code, description), expected, "{code}");
        }
    }

    #[test]
    fn what_is_no_failure() {
        let of = |code| judge(&info(&[("level", "status"), ("code", code)]), false);
        assert_eq!(of("NetStream.Play.Start"), Verdict::Plays);
        assert_eq!(of("NetStream.Play.Reset"), Verdict::Ignore);
        assert_eq!(of("NetConnection.Connect.Success"), Verdict::Ignore);
        assert_eq!(of("NetStream.Play.UnpublishNotify"), Verdict::Unpublished);
        assert_eq!(of("NetStream.Play.Complete"), Verdict::Ended);
        assert!(matches!(judge(&Value::Null, true), Verdict::Failed(..)));
    }

    #[test]
    fn redirections() {
        let ex = Value::Object(vec![
            ("code".to_owned(), Value::Number(302.0)),
            (
                "redirect".to_owned(),
                Value::Text("rtmp://h/a/b".to_owned()),
            ),
        ]);
        let moved = judge(&Value::Object(vec![("ex".to_owned(), ex)]), true);
        assert_eq!(moved, Verdict::Moved("rtmp://h/a/b".to_owned()));
    }
}
