use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::auth::{Key, KeyRing};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn key(n: u8) -> Key {
    Key::new(KeyId::new([n; 4]), [n; 32], at(n.into()))
}

fn client(address: &str) -> ClientId {
    ClientId::of(address.parse().expect("an address"))
}

#[test]
fn a_signature_is_good_for_what_it_says_until_it_ends() {
    let keys = KeyRing::new(vec![key(1)]);
    let claim = Claim::new(Place::Preview, "news", "", "quality=low&timeout=5");
    let ticket = keys.sign(&claim, 100).expect("signed");
    let read = Ticket::find(&ticket.query()).expect("read").expect("there");
    assert_eq!(read, ticket);
    assert_eq!(keys.verify(&claim, &read, at(99)), Ok(()));
    assert_eq!(keys.verify(&claim, &read, at(100)), Err(Fault::Expired));
    // What does not choose what is played may be another.
    let later = Claim::new(Place::Preview, "news", "", "timeout=9&quality=low&x=y");
    assert_eq!(keys.verify(&later, &read, at(99)), Ok(()));
    for other in [
        Claim::new(Place::Preview, "new", "", "quality=low"),
        Claim::new(Place::Preview, "news", "", "quality=high"),
        Claim::new(Place::Preview, "news", "", ""),
        Claim::new(Place::Preview, "news", "", "quality=low&quality=low"),
        Claim::new(Place::Preview, "news", "", "quality=low&format=hls"),
        Claim::new(Place::Preview, "news", "quality", "quality=low"),
        Claim::new(Place::Index, "news", "", "quality=low"),
        claim.clone().bound_to(Some(client("192.0.2.1"))),
    ] {
        let refused = keys.verify(&other, &read, at(99));
        assert_eq!(refused, Err(Fault::Forged), "{other:?}");
    }
}

#[test]
fn one_for_a_client_is_for_that_client() {
    let keys = KeyRing::new(vec![key(1)]);
    let claim = Claim::new(Place::Index, "news", "", "");
    let own = claim.clone().bound_to(Some(client("2001:db8::1")));
    let ticket = keys.sign(&own, 100).expect("signed");
    assert!(ticket.is_bound() && ticket.query().contains("&client=1&"));
    let network = claim.clone().bound_to(Some(client("2001:db8::2")));
    assert_eq!(keys.verify(&network, &ticket, at(1)), Ok(()));
    let other = claim.clone().bound_to(Some(client("2001:db8:0:1::1")));
    assert_eq!(keys.verify(&other, &ticket, at(1)), Err(Fault::Forged));
    // Without its mark it is checked as one for anybody, which it is not.
    let stripped = ticket.query().replace("&client=1", "");
    let stripped = Ticket::find(&stripped).expect("read").expect("there");
    assert_eq!(keys.verify(&claim, &stripped, at(1)), Err(Fault::Forged));
}

#[test]
fn keys_are_rotated() {
    let mut keys = KeyRing::new(vec![key(2), key(1)]);
    let claim = Claim::new(Place::Playlist, "", "", "");
    let old = keys.sign(&claim, 100).expect("signed");
    assert_eq!(old.kid(), KeyId::new([2; 4]));
    // Also by a clock that was set back.
    let early = Key::new(KeyId::new([9; 4]), [9; 32], at(0));
    assert_eq!(keys.rotate(early, false), []);
    assert_eq!(
        keys.sign(&claim, 100).expect("signed").kid(),
        KeyId::new([9; 4])
    );
    assert_eq!(keys.verify(&claim, &old, at(1)), Ok(()));
    let again = KeyRing::new(keys.keys().to_vec());
    assert_eq!(
        again.keys()[0].id,
        KeyId::new([9; 4]),
        "after a restart, too"
    );
    for n in 10..12 {
        assert_eq!(keys.rotate(key(n), false), []);
    }
    assert_eq!(keys.rotate(key(12), false), [KeyId::new([1; 4])]);
    assert_eq!(keys.verify(&claim, &old, at(1)), Ok(()));
    assert_eq!(keys.rotate(key(13), true).len(), 5);
    assert_eq!(keys.verify(&claim, &old, at(1)), Err(Fault::UnknownKey));
    // The same id with another secret, as an attacker would have it.
    let forged = KeyRing::new(vec![Key::new(KeyId::new([13; 4]), [0; 32], at(0))]);
    let forged = forged.sign(&claim, 100).expect("signed");
    assert_eq!(keys.verify(&claim, &forged, at(1)), Err(Fault::Forged));
    assert_eq!(KeyRing::default().sign(&claim, 1), None);
}

#[test]
fn what_cannot_be_read_is_refused() {
    assert_eq!(Ticket::find("quality=low&expires=5"), Ok(None));
    let good = "expires=100&kid=01010101&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(Ticket::find(good).expect("read").is_some());
    for bad in [
        "sig=AAAA",
        "sig=",
        "expires=x&kid=01010101&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "expires=1&kid=0101010&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "expires=1&kid=01010101&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &format!("{good}&client=0"),
        &format!("{good}&expires=5"),
        &format!("sig=x&{good}"),
    ] {
        assert_eq!(Ticket::find(bad), Err(Fault::Malformed), "{bad}");
    }
}

proptest! {
    /// Whatever is changed in a signed URL, it is no longer good; and nothing panics.
    #[test]
    fn nothing_can_be_changed(at_byte in 0_usize..200, to in any::<char>(), id in "[a-z]{1,8}") {
        let keys = KeyRing::new(vec![key(1)]);
        let query = "quality=low&audio=de";
        let claim = Claim::new(Place::Preview, &id, "", query);
        let good = format!("{query}&{}", keys.sign(&claim, 100).expect("signed").query());
        let mut chars: Vec<char> = good.chars().collect();
        let place = at_byte % chars.len();
        prop_assume!(chars[place] != to);
        chars[place] = to;
        let changed: String = chars.into_iter().collect();
        let claim = Claim::new(Place::Preview, &id, "", &changed);
        let verified = match Ticket::find(&changed) {
            Ok(Some(ticket)) => keys.verify(&claim, &ticket, at(1)),
            _ => Err(Fault::Malformed),
        };
        prop_assert!(verified.is_err(), "{}", changed);
    }

    #[test]
    fn any_query_is_read(query in ".{0,200}") {
        let _ = Ticket::find(&query);
        let _ = Claim::new(Place::Index, "a", "b", &query).message(0);
    }
}
