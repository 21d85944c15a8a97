use super::*;

fn check(policy: &Policy, url: &str) -> Result<(), Denied> {
    policy.check_url(&url.parse().expect("a URL"))
}

#[test]
fn loopback_link_local_and_metadata_are_denied_in_every_spelling() {
    let policy = Policy::default();
    for url in [
        "http://127.0.0.1/",
        "http://127.9.9.9:8080/x",
        "http://2130706433/", // decimal
        "http://0x7f.1/",     // hexadecimal, short
        "http://0177.0.0.1/", // octal
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://168.63.129.16/",
        "http://[2002:7f00:1::]/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://239.1.1.1/",
        "http://255.255.255.255/",
        "ftp://example.com/",
        "file:///etc/passwd",
    ] {
        assert!(check(&policy, url).is_err(), "{url} must be denied");
    }
    for url in [
        "http://example.com/",
        "https://192.0.2.1/",
        "http://192.168.1.10/",
        "http://[2001:db8::1]/",
    ] {
        assert_eq!(check(&policy, url), Ok(()), "{url}");
    }
}

#[test]
fn an_allowed_range_opens_exactly_that_range() {
    let policy = Policy::new(vec!["127.0.0.0/8".parse().expect("CIDR")]);
    assert_eq!(check(&policy, "http://127.0.0.1/"), Ok(()));
    assert_eq!(check(&policy, "http://[::ffff:127.0.0.1]/"), Ok(()));
    assert!(check(&policy, "http://169.254.169.254/").is_err());
    assert!(check(&policy, "http://[::1]/").is_err());
}

fn rules(change: impl FnOnce(&mut Rules)) -> Policy {
    let mut rules = Rules::default();
    change(&mut rules);
    Policy::of(rules)
}

fn nets(text: &str) -> Vec<IpNet> {
    text.split(',')
        .map(|net| net.parse().expect("CIDR"))
        .collect()
}

#[test]
fn a_denied_range_wins_over_an_allowed_one_in_every_coat() {
    let policy = rules(|rules| {
        rules.allow = nets("127.0.0.0/8,10.0.0.0/8");
        rules.deny = nets("10.9.0.0/16,2002::/16,203.0.113.0/24");
    });
    assert_eq!(check(&policy, "http://10.8.0.1/"), Ok(()));
    for url in [
        "http://10.9.0.1/",
        "http://[::ffff:10.9.0.1]/",
        "http://[64:ff9b::10.9.0.1]/",
        "http://203.0.113.7/",
        // by its own spelling, though 127.0.0.1 is allowed
        "http://[2002:7f00:1::]/",
    ] {
        assert_eq!(check(&policy, url), Err(Denied::Listed), "{url}");
    }
}

#[test]
fn private_and_multicast_have_a_switch_each() {
    let closed = rules(|rules| rules.private = false);
    let open = rules(|rules| rules.multicast = true);
    for address in [
        "10.1.2.3",
        "172.31.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "[fc00::1]",
        "[fd12::1]",
        "[::ffff:192.168.0.1]",
        "[64:ff9b::a00:1]",
    ] {
        let url = format!("http://{address}/");
        assert_eq!(
            check(&closed, &url),
            Err(Denied::Address { what: PRIVATE }),
            "{url}"
        );
        assert_eq!(check(&open, &url), Ok(()), "{url}");
    }
    for address in ["239.1.2.3", "232.0.0.1", "[ff15::1]"] {
        let url = format!("http://{address}/");
        assert_eq!(
            check(&closed, &url),
            Err(Denied::Address { what: MULTICAST }),
            "{url}"
        );
        assert_eq!(check(&open, &url), Ok(()), "{url}");
    }
    // Metadata services stay denied inside the private ranges.
    assert!(check(&open, "http://[fd00:ec2::254]/").is_err());
    assert_eq!(check(&closed, "http://172.32.0.1/"), Ok(()));
    assert_eq!(check(&closed, "http://100.128.0.1/"), Ok(()));
}

#[test]
fn ports_and_schemes_are_checked_before_any_name_is_resolved() {
    let policy = rules(|rules| {
        rules.deny_ports = vec![22, 80];
        rules.schemes = Some(vec!["http".to_owned(), "udp".to_owned()]);
    });
    assert_eq!(
        check(&policy, "http://h:22/"),
        Err(Denied::Port { port: 22 })
    );
    assert_eq!(check(&policy, "http://h/"), Err(Denied::Port { port: 80 }));
    assert_eq!(check(&policy, "http://h:8080/"), Ok(()));
    let off = Denied::SchemeOff {
        scheme: "https".to_owned(),
    };
    assert_eq!(check(&policy, "https://h/"), Err(off));
    assert_eq!(policy.check_scheme("udp"), Ok(()));
    assert!(policy.check_scheme("srt").is_err());
}

#[test]
fn each_refusal_names_the_setting_that_would_allow_it() {
    let policy = rules(|rules| {
        rules.private = false;
        rules.deny = nets("203.0.113.0/24");
        rules.deny_ports = vec![22];
        rules.schemes = Some(vec!["http".to_owned()]);
    });
    for (url, setting) in [
        ("http://127.0.0.1/", "SOURCE_ALLOW_CIDRS"),
        ("http://169.254.169.254/", "SOURCE_ALLOW_CIDRS"),
        ("http://10.0.0.1/", "SOURCE_ALLOW_PRIVATE"),
        ("http://239.0.0.1/", "SOURCE_ALLOW_MULTICAST"),
        ("http://203.0.113.1/", "SOURCE_DENY_CIDRS"),
        ("http://h:22/", "SOURCE_DENY_PORTS"),
        ("https://h/", "SOURCE_SCHEMES"),
    ] {
        let text = check(&policy, url).expect_err(url).to_string();
        assert!(text.contains(setting), "{url}: {text}");
    }
    let listen = policy.check_listen().expect_err("off by default");
    assert!(listen.to_string().contains("SOURCE_ALLOW_LISTEN"));
}

#[test]
fn of_the_addresses_of_a_name_the_allowed_ones_are_left() {
    let policy = Policy::default();
    let addresses = |text: &str| -> Vec<SocketAddr> {
        text.split(' ')
            .map(|a| a.parse().expect("address"))
            .collect()
    };
    let left = policy.filter(addresses("127.0.0.1:1 192.0.2.1:1 [::1]:1"));
    assert_eq!(left, Ok(addresses("192.0.2.1:1")));
    assert!(
        policy
            .filter(addresses("127.0.0.1:1 [fe80::1%3]:1"))
            .is_err()
    );
    assert_eq!(policy.filter([]), Ok(vec![]));
}
