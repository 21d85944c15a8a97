use proptest::prelude::*;

use super::*;
use crate::ingest::rtsp::message::{Frame, Framer};
use crate::stream::Credentials;

const SDP: &str = "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:v\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:rtsp://inner/a\r\n";

fn parse(text: &str) -> Response {
    let mut framer = Framer::default();
    framer.buffer().extend_from_slice(text.as_bytes());
    match framer.next() {
        Ok(Some(Frame::Response(response))) => response,
        other => panic!("{other:?}"),
    }
}

fn answer(status: u16, fields: &[&str], body: &str) -> Response {
    let fields = [fields, &[""]].concat().join("\r\n");
    let length = body.len();
    parse(&format!(
        "RTSP/1.0 {status} x\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    ))
}

fn begin(carrier: Option<Carrier>) -> (Dialogue, Vec<u8>) {
    let manners = Manners {
        fields: vec![("User-Agent".into(), "Test".into())],
        login: Login::new(Some(Credentials::Basic {
            username: "bob".into(),
            password: "secret".into(),
        })),
        carrier,
    };
    Dialogue::begin("rtsp://host/live".parse().unwrap(), manners)
}

fn sent(step: Result<Step, IngestError>) -> String {
    match step {
        Ok(Step::Send(bytes)) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn described(dialogue: &mut Dialogue, now: Instant) {
    let public = answer(200, &["Public: DESCRIBE, SETUP, get_parameter"], "");
    let describe = sent(dialogue.answered(&public, now));
    assert!(describe.starts_with(
        "DESCRIBE rtsp://host/live RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n"
    ));
    let answer = answer(200, &["Content-Base: rtsp://host/live/"], SDP);
    let Ok(Step::Described(media)) = dialogue.answered(&answer, now) else {
        panic!("not described")
    };
    assert_eq!(media.len(), 2);
}

#[test]
fn tracks_are_set_up_and_played_and_the_session_is_kept_alive() {
    let now = crate::base::clock::now();
    let (mut dialogue, options) = begin(None);
    assert!(
        options
            .starts_with(b"OPTIONS rtsp://host/live RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Test\r\n")
    );
    assert_eq!(dialogue.teardown(), None);
    described(&mut dialogue, now);
    let setup = sent(Ok(dialogue.choose(vec![0, 1])));
    assert!(
        setup.starts_with("SETUP rtsp://host/live/v RTSP/1.0\r\n"),
        "{setup}"
    );
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    let first = answer(200, &[transport, "Session: 42;timeout=20"], "");
    let setup = sent(dialogue.answered(&first, now));
    // What another server is called inside does not lead there: it is said on the connection that there is.
    assert!(
        setup.starts_with("SETUP rtsp://inner/a RTSP/1.0\r\n"),
        "{setup}"
    );
    assert!(
        setup.contains("interleaved=2-3") && setup.contains("Session: 42\r\n"),
        "{setup}"
    );
    let late = answer(404, &["CSeq: 1"], "");
    assert_eq!(dialogue.answered(&late, now), Ok(Step::Wait));
    let second = answer(200, &["Transport: RTP/AVP/TCP;unicast;interleaved=6-7"], "");
    assert_eq!(dialogue.answered(&second, now), Ok(Step::Ready));
    let play = String::from_utf8(dialogue.play()).unwrap();
    assert!(
        play.starts_with("PLAY rtsp://host/live/ RTSP/1.0\r\n"),
        "{play}"
    );
    assert_eq!(
        dialogue.answered(&answer(200, &[], ""), now),
        Ok(Step::Playing)
    );
    assert_eq!(dialogue.transports()[1], Transport::Tcp { rtp: 6, rtcp: 7 });
    let due = dialogue.alive_due().unwrap();
    assert_eq!(due, now + Duration::from_secs(10));
    assert!(
        dialogue
            .keep_alive(due)
            .starts_with(b"GET_PARAMETER rtsp://host/live/ ")
    );
    assert_eq!(
        dialogue.answered(&answer(405, &[], ""), due),
        Ok(Step::Wait)
    );
    assert!(dialogue.keep_alive(due).starts_with(b"OPTIONS "));
    let lost = dialogue.answered(&answer(454, &[], ""), due).unwrap_err();
    assert_eq!((lost.stage, lost.cause), (Stage::Flow, Cause::Ended));
    assert!(
        dialogue
            .teardown()
            .unwrap()
            .starts_with(b"TEARDOWN rtsp://host/live/ ")
    );
}

#[test]
fn udp_comes_when_tcp_is_refused_and_nobody_demanded_it() {
    let now = crate::base::clock::now();
    let refused = answer(461, &[], "");
    let (mut dialogue, _) = begin(None);
    described(&mut dialogue, now);
    sent(Ok(dialogue.choose(vec![0])));
    assert_eq!(dialogue.answered(&refused, now), Ok(Step::Bind));
    let setup = String::from_utf8(dialogue.bound(5000)).unwrap();
    assert!(setup.contains("Transport: RTP/AVP;unicast;client_port=5000-5001\r\n"));
    let error = dialogue.answered(&refused, now).unwrap_err();
    assert_eq!(error.cause, Cause::Unsupported);
    let (mut dialogue, _) = begin(Some(Carrier::Tcp));
    described(&mut dialogue, now);
    sent(Ok(dialogue.choose(vec![0])));
    assert_eq!(
        dialogue.answered(&refused, now).unwrap_err().cause,
        Cause::Unsupported
    );
}

#[test]
fn challenges_are_answered_and_redirects_told() {
    let now = crate::base::clock::now();
    let (mut dialogue, _) = begin(None);
    let challenge = answer(
        401,
        &["WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""],
        "",
    );
    let again = sent(dialogue.answered(&challenge, now));
    assert!(
        again.starts_with("OPTIONS ") && again.contains("CSeq: 2"),
        "{again}"
    );
    assert!(again.contains("Authorization: Digest username=\"bob\""));
    assert_eq!(
        dialogue.answered(&challenge, now).unwrap_err().cause,
        Cause::Auth
    );

    let (mut dialogue, _) = begin(None);
    sent(dialogue.answered(&answer(501, &[], ""), now));
    let moved = dialogue.answered(&answer(302, &["Location: rtsp://other:8554/x"], ""), now);
    assert_eq!(
        moved,
        Ok(Step::Moved("rtsp://other:8554/x".parse().unwrap()))
    );
}

#[test]
fn statuses_have_causes() {
    for (status, cause) in [
        (403, Cause::Auth),
        (404, Cause::NotFound),
        (454, Cause::NotFound),
        (453, Cause::ProviderLimit),
        (503, Cause::Server),
        (461, Cause::Unsupported),
    ] {
        assert_eq!(refusal(status).cause, cause, "{status}");
    }
}

proptest! {
    /// Whatever a server answers, the dialogue neither panics nor asks for ever.
    #[test]
    fn any_answers_end(answers in proptest::collection::vec(
        (prop_oneof![Just(200u16), Just(401), Just(461), Just(302), 100..700u16], 0..6usize), 0..200,
    )) {
        let now = crate::base::clock::now();
        let (mut dialogue, _) = begin(None);
        let fields = [
            "Session: 1", "Transport: RTP/AVP/TCP;unicast", "Transport: RTP/AVP;unicast;server_port=1-2",
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=true", "Location: rtsp://h/", "Public: X",
        ];
        let mut asked = 0;
        for (status, field) in answers {
            let response = answer(status, &[fields[field]], SDP);
            let mut step = dialogue.answered(&response, now);
            if let Ok(Step::Described(_)) = step {
                step = Ok(dialogue.choose(vec![0, 1, 7]));
            }
            if let Ok(Step::Ready) = step {
                step = Ok(Step::Send(dialogue.play()));
            }
            if let Ok(Step::Bind) = step {
                step = Ok(Step::Send(dialogue.bound(5000)));
            }
            match step {
                Ok(Step::Send(_)) => asked += 1,
                Ok(Step::Wait) => {}
                _ => break,
            }
            prop_assert!(asked < 24);
        }
        let _ = dialogue.teardown();
    }
}
