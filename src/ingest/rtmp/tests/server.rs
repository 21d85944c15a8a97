//! A server made by hand: what no recorded one says in its first second.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::amf0::{self, Value};
use super::super::chunk;
use super::super::session::{Event, Refusal, Session, Tag, kind};
use super::super::{Limits, Opening, Patience, Player, Remuxed};
use super::session;
use crate::base::clock;
use crate::ingest::error::{Cause, Stage};
use crate::ingest::sink;
use crate::remux::Container;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn command(values: &[Value]) -> Vec<u8> {
    let mut body = Vec::new();
    for value in values {
        amf0::write(&mut body, value);
    }
    body
}

fn status(name: &str, transaction: f64, code: &str) -> Vec<u8> {
    let info = Value::Object(vec![("code".to_owned(), text(code))]);
    command(&[text(name), Value::Number(transaction), Value::Null, info])
}

/// The bytes of one message.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    chunk::write(&mut bytes, 3, kind, 0, body);
    bytes
}

/// The server's handshake.
fn handshake() -> Vec<u8> {
    let mut bytes = vec![3];
    bytes.resize(1 + 2 * 1536, 0);
    bytes
}

fn answer(session: &mut Session, bytes: &[u8]) -> Result<Vec<Event>, Refusal> {
    session.input().extend_from_slice(bytes);
    session.received(bytes.len());
    let mut events = Vec::new();
    while let Some(event) = session.next()? {
        events.push(event);
    }
    Ok(events)
}

/// A session whose server has granted the stream; its output so far was taken.
fn granted() -> Session {
    let mut session = session();
    let created = [
        text("_result"),
        Value::Number(2.0),
        Value::Null,
        Value::Number(1.0),
    ];
    let steps = [
        handshake(),
        message(
            kind::COMMAND_AMF0,
            &status("_result", 1.0, "NetConnection.Connect.Success"),
        ),
        message(kind::COMMAND_AMF0, &command(&created)),
    ];
    for step in steps {
        assert_eq!(answer(&mut session, &step), Ok(vec![]));
    }
    // Wrapped as AMF3, as some servers send all their commands.
    let mut wrapped = vec![0];
    wrapped.extend(status("onStatus", 0.0, "NetStream.Play.Start"));
    let started = answer(&mut session, &message(kind::COMMAND_AMF3, &wrapped));
    assert_eq!(started, Ok(vec![Event::Plays]));
    session.take_output();
    session
}

#[test]
fn what_the_server_wants_to_know_is_answered() {
    let mut session = granted();
    let mut ask = |kind, body: &[u8]| {
        assert_eq!(answer(&mut session, &message(kind, body)), Ok(vec![]));
        session.take_output()
    };
    let pong = ask(kind::USER_CONTROL, &[0, 6, 1, 2, 3, 4]);
    assert_eq!(pong, message_on(2, kind::USER_CONTROL, &[0, 7, 1, 2, 3, 4]));
    let window = ask(kind::PEER_BANDWIDTH, &[0, 0, 16, 0, 2]);
    assert_eq!(
        window,
        message_on(2, kind::WINDOW_SIZE, &2_500_000u32.to_be_bytes())
    );
    // From here on each read is acknowledged: with all bytes since the start.
    assert!(ask(kind::WINDOW_SIZE, &[0, 0, 0, 0]).is_empty());
    let known = ask(kind::USER_CONTROL, &[0, 0]);
    assert_eq!(known[7], kind::ACKNOWLEDGEMENT);
    let count = u32::from_be_bytes(known[12..16].try_into().unwrap());
    assert!(count > 3073 + 100, "{count}");
}

fn message_on(chunk_stream: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    chunk::write(&mut bytes, chunk_stream, kind, 0, body);
    bytes
}

#[test]
fn a_stream_ends_in_many_ways_but_not_before_it_began() {
    let eof = message(kind::USER_CONTROL, &[0, 1, 0, 0, 0, 1]);
    let gone = status("onStatus", 0.0, "NetStream.Play.UnpublishNotify");
    let gone = message(kind::COMMAND_AMF0, &gone);
    let info = Value::Object(vec![("code".to_owned(), text("NetStream.Play.Complete"))]);
    let complete = message(kind::DATA_AMF0, &command(&[text("onPlayStatus"), info]));
    let tag = Tag {
        kind: kind::AUDIO,
        timestamp: 0,
        body: Bytes::from_static(&[0xaf, 1, 2]),
    };
    for (end, early) in [
        (&eof, vec![]),
        (&gone, vec![]),
        (&complete, vec![Event::Ended]),
    ] {
        let mut session = granted();
        assert_eq!(answer(&mut session, end), Ok(early));
        let media = answer(&mut session, &message(kind::AUDIO, &tag.body));
        assert_eq!(media, Ok(vec![Event::Media(tag.clone())]));
        assert_eq!(answer(&mut session, end), Ok(vec![Event::Ended]));
    }
}

#[test]
fn refusals_carry_the_stage() {
    let refused = |step: &[u8], session: &mut Session| match answer(session, step) {
        Err(Refusal::Failed(error)) => (error.stage, error.cause),
        other => panic!("{other:?}"),
    };
    let mut session = session();
    answer(&mut session, &handshake()).unwrap();
    let rejected = status("_error", 1.0, "NetConnection.Connect.InvalidApp");
    let rejected = refused(&message(kind::COMMAND_AMF0, &rejected), &mut session);
    assert_eq!(rejected, (Stage::Request, Cause::NotFound));
    let close = command(&[text("close"), Value::Number(0.0), Value::Null]);
    let closed = refused(&message(kind::COMMAND_AMF0, &close), &mut granted());
    assert_eq!(closed, (Stage::FirstByte, Cause::Refused));
}

#[tokio::test]
async fn endless_pings_are_no_media() {
    let (client, mut server) = tokio::io::duplex(1 << 16);
    let flood = tokio::spawn(async move {
        let mut hello = vec![0; 1537];
        server.read_exact(&mut hello).await?;
        server.write_all(&handshake()).await?;
        let pings = message(kind::USER_CONTROL, &[0, 6, 0, 0, 0, 0]).repeat(500);
        let (mut from, mut to) = tokio::io::split(server);
        let drained =
            tokio::spawn(async move { tokio::io::copy(&mut from, &mut tokio::io::sink()).await });
        while to.write_all(&pings).await.is_ok() {}
        drop(drained.await);
        std::io::Result::Ok(())
    });
    let (sink, _drain) = sink::channel();
    let player = Player {
        session: session(),
        patience: Patience {
            answer: Duration::from_millis(200),
            stall: Duration::from_millis(200),
        },
        deadline: clock::now(),
        opening: Opening::default(),
        remuxed: Remuxed::new(Container::Flv, Limits::live(), &sink),
        sink: &sink,
    };
    let Err(Refusal::Failed(error)) = player.run(client).await else {
        panic!("it plays");
    };
    assert_eq!((error.stage, error.cause), (Stage::Request, Cause::Timeout));
    flood.abort();
}
