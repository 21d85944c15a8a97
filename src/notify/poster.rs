//! POST requests to receivers: under a policy of their own, every wait bounded.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use url::Url;

use super::{Failure, Stage, Verdict};
use crate::alerts::wording::clean;
use crate::ingest::policy::{Denied, Policy, Rules};
use crate::ingest::resolve::Resolver;

/// Bytes of a refusal that are looked at.
const MOST_ANSWER: usize = 1_024;
/// The longest that a receiver may ask to wait.
const MOST_WAIT: Duration = Duration::from_hours(1);
/// The longest TCP and TLS handshake.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept.
const KEEP_IDLE: Duration = Duration::from_secs(30);
/// Idle connections kept to one host.
const MOST_IDLE: usize = 2;

/// Where requests may go, and how long they may take.
#[derive(Clone, Debug)]
pub struct PosterSettings {
    /// Ranges that are allowed whatever they are.
    pub allow: Vec<IpNet>,
    /// Whether private addresses are.
    pub private: bool,
    /// Whether those of this machine are (127.0.0.0/8 and `::1`).
    pub loopback: bool,
    /// Ports that are not.
    pub deny_ports: Vec<u16>,
    /// The longest that a request may take.
    pub timeout: Duration,
}

/// The HTTP client for receivers.
#[derive(Clone, Debug)]
pub struct Poster {
    client: reqwest::Client,
    policy: Arc<Policy>,
    timeout: Duration,
}

impl Poster {
    /// A client that asks where `settings` allow it.
    ///
    /// # Errors
    /// When the TLS back end cannot be set up.
    pub fn new(settings: &PosterSettings) -> Result<Self, reqwest::Error> {
        let mut allow = settings.allow.clone();
        if settings.loopback {
            let own: [IpNet; 2] = [
                IpNet::new_assert([127, 0, 0, 0].into(), 8),
                IpNet::new_assert(std::net::Ipv6Addr::LOCALHOST.into(), 128),
            ];
            allow.extend(own);
        }
        let policy = Arc::new(Policy::of(Rules {
            allow,
            private: settings.private,
            deny_ports: settings.deny_ports.clone(),
            ..Rules::default()
        }));
        // Refused only when the process has a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Names(Resolver::new(Arc::clone(&policy)))))
            .connect_timeout(CONNECT)
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(MOST_IDLE)
            .user_agent(concat!("Sightglass/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            policy,
            timeout: settings.timeout,
        })
    }

    /// Checks what can be told from a URL before its name is resolved, as a definition of a receiver does.
    ///
    /// # Errors
    /// Which setting would allow it.
    pub fn check(&self, url: &Url) -> Result<(), String> {
        self.policy.check_url(url).map_err(|denied| told(&denied))
    }

    /// Posts a JSON body; anything but a 2xx answer is a failure. Redirects are not followed: the address that
    /// follows would have to be checked as well, and a signed body is for one receiver.
    ///
    /// # Errors
    /// How far it got, and what follows.
    pub async fn post(&self, url: &Url, headers: HeaderMap, json: Vec<u8>) -> Result<(), Failure> {
        if let Err(denied) = self.policy.check_url(url) {
            return Err(forbidden(&denied));
        }
        let request = self
            .client
            .post(url.clone())
            .headers(headers)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(json);
        let exchange = async {
            let answer = request.send().await.map_err(|error| of_client(&error))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(());
            }
            let wait = retry_after(answer.headers());
            let said = beginning(answer).await;
            Err(of_status(status, wait, &said))
        };
        let answered = tokio::time::timeout(self.timeout, exchange).await;
        answered.unwrap_or_else(|_| {
            let text = format!("no answer within {} s", self.timeout.as_secs());
            Err(Failure::new(Stage::Request, Verdict::Unreachable, text))
        })
    }
}

/// The beginning of what a receiver answers to a request that it does not take.
async fn beginning(mut answer: reqwest::Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = answer.chunk().await {
        let room = MOST_ANSWER - body.len();
        body.extend_from_slice(&bytes[..room.min(bytes.len())]);
        if body.len() >= MOST_ANSWER {
            break;
        }
    }
    clean(&String::from_utf8_lossy(&body), 160)
}

/// A receiver that is overloaded or fails may take it later; one that does not know what it got never will.
fn of_status(status: StatusCode, wait: Option<Duration>, said: &str) -> Failure {
    let verdict = match status.as_u16() {
        408 | 425 | 429 | 500..=599 => Verdict::NotNow,
        _ => Verdict::Never,
    };
    let redirect = if status.is_redirection() {
        ": redirects are not followed, the receiver has to have the address that they lead to"
    } else {
        ""
    };
    let colon = if said.is_empty() || !redirect.is_empty() {
        ""
    } else {
        ": "
    };
    let said = if redirect.is_empty() { said } else { "" };
    let text = format!(
        "the receiver answered with HTTP status {}{redirect}{colon}{said}",
        status.as_u16()
    );
    Failure {
        retry_after: wait.filter(|_| verdict == Verdict::NotNow),
        ..Failure::new(Stage::Request, verdict, text)
    }
}

/// Its own text holds the URL and is not used.
fn of_client(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(Unresolved(failure)) = inner.downcast_ref() {
            return failure.clone();
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind;
            let found = match io.kind() {
                ErrorKind::ConnectionRefused => Some("the receiver refuses connections"),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                    Some("there is no route to the receiver")
                }
                _ => None,
            };
            if let Some(text) = found {
                return Failure::new(Stage::Connect, Verdict::Unreachable, text);
            }
            // rustls reports through these.
            if matches!(io.get_ref(), Some(it) if it.is::<rustls::Error>()) {
                let text = "the TLS handshake with the receiver failed (certificate or protocol)";
                return Failure::new(Stage::Tls, Verdict::Unreachable, text);
            }
        }
        cause = inner.source();
    }
    let (stage, text) = if error.is_connect() {
        (Stage::Connect, "the receiver cannot be reached")
    } else {
        (Stage::Request, "the connection to the receiver broke")
    };
    Failure::new(stage, Verdict::Unreachable, text)
}

fn forbidden(denied: &Denied) -> Failure {
    Failure::new(Stage::Receiver, Verdict::Never, told(denied))
}

/// In words of receivers, with the setting that would allow it.
fn told(denied: &Denied) -> String {
    match denied {
        Denied::Address { what: "private" } => {
            "receivers may not have private addresses; the operator can allow them with ALERT_ALLOW_PRIVATE, \
             or a range with ALERT_ALLOW_CIDRS"
                .to_owned()
        }
        Denied::Address { what: "loopback" } => {
            "receivers may not be on this machine; the operator can allow it with ALERT_ALLOW_LOOPBACK"
                .to_owned()
        }
        Denied::Address { what } => format!(
            "receivers may not have {what} addresses; the operator can allow a range with ALERT_ALLOW_CIDRS"
        ),
        Denied::Port { port } => format!(
            "receivers may not use port {port}; the operator can take it out of ALERT_DENY_PORTS"
        ),
        Denied::NoHost => "the URL has no host".to_owned(),
        _ => "receivers are told over http and https".to_owned(),
    }
}

/// Seconds, as receivers write it (RFC 9110, 10.2.3); dates are not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MOST_WAIT))
}

/// The resolver as the HTTP client wants it. The client sets the port itself.
struct Names(Resolver);

/// A name that does not lead to an address which is allowed.
#[derive(Debug)]
struct Unresolved(Failure);

impl std::fmt::Display for Unresolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unresolved {}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.0.clone();
        Box::pin(async move {
            let found = resolver.look_up(name.as_str(), 0).await;
            let addresses = match found.map(|found| resolver.policy().filter(found)) {
                Ok(Ok(allowed)) if !allowed.is_empty() => allowed,
                Ok(Err(denied)) => return Err(Unresolved(forbidden(&denied)).into()),
                _ => {
                    let text = "the host name of the receiver cannot be resolved";
                    let failure = Failure::new(Stage::Connect, Verdict::Unreachable, text);
                    return Err(Unresolved(failure).into());
                }
            };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poster(change: impl FnOnce(&mut PosterSettings)) -> Poster {
        let mut settings = PosterSettings {
            allow: Vec::new(),
            private: false,
            loopback: false,
            deny_ports: vec![6379],
            timeout: Duration::from_secs(5),
        };
        change(&mut settings);
        Poster::new(&settings).unwrap()
    }

    #[test]
    fn receivers_are_where_the_operator_allows_them() {
        let check = |poster: &Poster, url: &str| poster.check(&Url::parse(url).unwrap());
        let strict = poster(|_| ());
        assert_eq!(check(&strict, "https://hooks.example.org/x"), Ok(()));
        for (url, hint) in [
            ("http://127.0.0.1:9093", "ALERT_ALLOW_LOOPBACK"),
            ("http://[::1]:9093", "ALERT_ALLOW_LOOPBACK"),
            ("http://10.0.0.1", "ALERT_ALLOW_PRIVATE"),
            ("http://169.254.169.254/latest", "ALERT_ALLOW_CIDRS"),
            ("http://example.org:6379", "ALERT_DENY_PORTS"),
            ("ftp://example.org", "http and https"),
        ] {
            let problem = check(&strict, url).unwrap_err();
            assert!(problem.contains(hint), "{url}: {problem}");
        }
        let wide = poster(|it| (it.private, it.loopback) = (true, true));
        for url in [
            "http://127.0.0.1:9093",
            "http://[::1]:9093",
            "http://10.0.0.1",
        ] {
            assert_eq!(check(&wide, url), Ok(()), "{url}");
        }
        assert!(check(&wide, "http://169.254.169.254/").is_err());
    }

    #[tokio::test]
    async fn a_name_is_judged_by_its_addresses() {
        let url = Url::parse("http://localhost:9/").unwrap();
        let failure = poster(|_| ())
            .post(&url, HeaderMap::new(), Vec::new())
            .await;
        let failure = failure.unwrap_err();
        assert_eq!(
            (failure.stage, failure.verdict),
            (Stage::Receiver, Verdict::Never)
        );
        let open = poster(|it| it.loopback = true);
        let failure = open
            .post(&url, HeaderMap::new(), Vec::new())
            .await
            .unwrap_err();
        assert_eq!(
            (failure.stage, failure.verdict),
            (Stage::Connect, Verdict::Unreachable)
        );
    }

    #[test]
    fn only_what_may_change_is_tried_again() {
        let of =
            |status: u16| of_status(StatusCode::from_u16(status).unwrap(), None, "said").verdict;
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(of(status), Verdict::NotNow, "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 410, 413, 422] {
            assert_eq!(of(status), Verdict::Never, "{status}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("999999"));
        assert_eq!(retry_after(&headers), Some(MOST_WAIT));
    }
}
