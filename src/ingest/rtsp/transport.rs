//! The `Transport` header (RFC 2326, 12.39). Pure.

/// How the packets of a track travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// Interleaved in the connection, on these channels.
    Tcp {
        /// Channel of the media.
        rtp: u8,
        /// Channel of RTCP.
        rtcp: u8,
    },
    /// In datagrams, to and from these ports.
    Udp {
        /// Our port for media; RTCP's is the next.
        client: u16,
        /// The server's ports for media and RTCP, if it told them.
        server: Option<(u16, u16)>,
    },
}

/// Why an answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The server wants to send to a group.
    Multicast,
    /// It chose something that was not offered.
    NotOffered,
}

impl Transport {
    /// What we ask for.
    pub(super) fn offer(self) -> String {
        match self {
            Self::Tcp { rtp, rtcp } => format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}"),
            Self::Udp { client, .. } => {
                format!(
                    "RTP/AVP;unicast;client_port={client}-{}",
                    client.saturating_add(1)
                )
            }
        }
    }

    /// What the server made of `self`.
    ///
    /// `source=` and `destination=` are not read: packets are taken from the address that was dialled
    /// and checked, and from no other.
    pub(super) fn accepted(self, answer: &str) -> Result<Self, Refused> {
        // Several may be there, separated by commas; the first counts.
        let mut parts = answer.split(',').next().unwrap_or_default().split(';');
        let profile = parts.next().unwrap_or_default().trim().to_ascii_uppercase();
        let mut transport = self;
        for part in parts.map(str::trim) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let pair = pair(value);
            match (name.to_ascii_lowercase().as_str(), &mut transport) {
                ("multicast", _) => return Err(Refused::Multicast),
                ("interleaved", Self::Tcp { rtp, rtcp }) => {
                    let channel = |number: u16| u8::try_from(number);
                    if let Some((Ok(a), Ok(b))) = pair.map(|(a, b)| (channel(a), channel(b))) {
                        (*rtp, *rtcp) = (a, b);
                    }
                }
                ("server_port", Self::Udp { server, .. }) => *server = pair,
                _ => {}
            }
        }
        let tcp = profile.ends_with("/TCP");
        match self {
            Self::Tcp { .. } if !tcp => Err(Refused::NotOffered),
            Self::Udp { .. } if tcp => Err(Refused::NotOffered),
            _ => Ok(transport),
        }
    }
}

/// `6970-6971`, or `6970` alone.
fn pair(text: &str) -> Option<(u16, u16)> {
    let (first, second) = text.split_once('-').unwrap_or((text, ""));
    let first: u16 = first.trim().parse().ok()?;
    let second = second.trim().parse().ok();
    Some((first, second.or_else(|| first.checked_add(1))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: Transport = Transport::Tcp { rtp: 2, rtcp: 3 };
    const UDP: Transport = Transport::Udp {
        client: 5000,
        server: None,
    };

    #[test]
    fn offers() {
        assert_eq!(TCP.offer(), "RTP/AVP/TCP;unicast;interleaved=2-3");
        assert_eq!(UDP.offer(), "RTP/AVP;unicast;client_port=5000-5001");
    }

    #[test]
    fn the_server_may_choose_channels_and_ports() {
        let answer = "RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=1B8F4A17;mode=\"PLAY\"";
        assert_eq!(TCP.accepted(answer), Ok(Transport::Tcp { rtp: 4, rtcp: 5 }));
        assert_eq!(TCP.accepted("RTP/AVP/TCP;unicast"), Ok(TCP));
        assert_eq!(TCP.accepted("RTP/AVP/TCP;interleaved=999-1000"), Ok(TCP));
        let answer =
            "RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=6970-6971;source=10.0.0.1";
        let expected = Transport::Udp {
            client: 5000,
            server: Some((6970, 6971)),
        };
        assert_eq!(UDP.accepted(answer), Ok(expected));
        assert_eq!(UDP.accepted("RTP/AVP;unicast;server_port=x"), Ok(UDP));
    }

    #[test]
    fn what_was_not_offered_is_refused() {
        assert_eq!(
            UDP.accepted("RTP/AVP;multicast;destination=224.2.0.1"),
            Err(Refused::Multicast)
        );
        assert_eq!(
            UDP.accepted("RTP/AVP/TCP;interleaved=0-1"),
            Err(Refused::NotOffered)
        );
        assert_eq!(
            TCP.accepted("RTP/AVP;unicast;client_port=1-2"),
            Err(Refused::NotOffered)
        );
        assert_eq!(TCP.accepted(""), Err(Refused::NotOffered));
    }
}
