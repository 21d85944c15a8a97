//! The table of settings. To add one, add a line.

use super::auth::Auth;
use super::check;
use super::confine::{CONFINEMENT_MODES, Paths, Plugins};
use super::door::{Door, Tls};
use super::judging::{ByKind, Kinds, SEVERITIES};
use super::mail::{Addresses, Hidden, HiddenText, HostName, SECURITIES, Sender};
use super::net::{Cidrs, HeaderText, Listen, Ports, PublicUrl, Schemes};
use super::parser::{About, FilePath, LogFilter, Maybe, OneOf, Switch, Text, whole};
use super::profile::{self, Profile, ProfileName};
use super::reader::Reader;
use super::section::{Setting, section};
use super::units::{DAY, HOUR, KIB, MIB, MINUTE, Millis, SECOND, Size};
use crate::alerts::{MailAddress, Mailbox};
use crate::conditions::{Kind, Severity};
use crate::confine::Mode;
use crate::mail::Security;
use crate::stream::MonitorMode;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

section! {
    /// Everything that an operator decides before the start.
    pub struct Config in "" {
        /// Address and port to serve on; port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:8080", ["LISTEN_ADDR"], "listen", Listen;
        /// File of the stream definitions; made when missing.
        db_path: PathBuf = "sightglass.redb", ["DB_PATH"], "db", FilePath;
        /// Name of this installation, as /health reports it.
        environment: String = "production", ["ENVIRONMENT"], "environment", Text(64);
        /// Add test streams when the store is empty.
        demo: bool = "false", ["DEMO"], "demo", Switch;
        /// From the signal to stop until the exit is forced.
        shutdown_timeout: Duration = "25s", ["SHUTDOWN_TIMEOUT"], "shutdown-timeout", Millis(SECOND, 30 * SECOND);
        /// Whether the process gives up what it does not need: on (as far as the kernel can), required (all of it, or no start), off.
        confinement: Mode = "on", ["CONFINEMENT"], "confinement", OneOf(CONFINEMENT_MODES);
        /// Files and folders that stay readable though no setting names them.
        confinement_read: Vec<PathBuf> = "", ["CONFINEMENT_READ"], "confinement-read", Paths;
        /// Devices and folders that decoders and encoders may use, such as /dev/dri.
        confinement_devices: Vec<PathBuf> = "", ["CONFINEMENT_DEVICES"], "confinement-devices", Paths;
    }
    with {
        /// Where streams are pulled from, and how patiently.
        sources: Sources = Sources::read;
        /// Encoding: how much at a time and in what qualities.
        transcode: Transcode = Transcode::read;
        /// How much memory and CPU pipelines may take.
        limits: Limits = Limits::read;
        /// Viewers, and what outlives them for a moment.
        sessions: Sessions = Sessions::read;
        /// The fan-out of one stream's bytes.
        feed: Feed = Feed::read;
        /// How streams are watched, and what is kept of it.
        monitor: Monitor = Monitor::read;
        /// Who is told of what, in general.
        alerts: Alerts = Alerts::read;
        /// How mail leaves.
        email: Email = Email::read;
        /// The HLS that is served.
        hls: Hls = Hls::read;
        /// The limits of the HTTP server.
        http: Http = Http::read;
        /// Who is let to the door, and how often.
        door: Door = Door::read;
        /// TLS of this server itself.
        tls: Tls = Tls::read;
        /// Who is let in.
        auth: Auth = Auth::read;
        /// Live updates.
        live: Live = Live::read;
        /// Logging, to standard output and to files.
        log: Log = Log::read;
    }
    check check::config;
}

/// Where services listen that a URL could do harm to, and media never is: those that browsers refuse too (WHATWG
/// Fetch, "bad port", the usual ones), and databases, container engines and desktops.
const DENY_PORTS: &str = "7,9,19,21,22,23,25,53,69,79,110,111,119,123,135,137,138,139,143,161,179,389,445,465,\
    512,513,514,515,548,587,636,873,993,995,1433,1521,2049,2375,2376,2379,2380,3306,3389,5432,5900,5984,6379,\
    6443,9200,9300,10250,11211,27017";
/// Every scheme but `file`.
const SCHEMES: &str = "http,https,test,rtsp,rtsps,rtmp,rtmps,udp,rtp,srt,mms,mmsh";

section! {
    /// Where streams are pulled from, and how patiently.
    pub struct Sources in "sources." {
        /// Address ranges that sources may use though the default policy denies them (loopback, link-local, metadata).
        allow_cidrs: Vec<IpNet> = "", ["SOURCE_ALLOW_CIDRS"], "source-allow-cidrs", Cidrs;
        /// Address ranges that sources may never use, not even where they are allowed elsewhere.
        deny_cidrs: Vec<IpNet> = "", ["SOURCE_DENY_CIDRS"], "source-deny-cidrs", Cidrs;
        /// Sources may use private addresses: RFC 1918, unique local (fc00::/7) and shared (100.64.0.0/10).
        allow_private: bool = "true", ["SOURCE_ALLOW_PRIVATE"], "source-allow-private", Switch;
        /// Sources may be multicast groups.
        allow_multicast: bool = "false", ["SOURCE_ALLOW_MULTICAST"], "source-allow-multicast", Switch;
        /// Sources may send to a port of this server (unicast udp and rtp, srt as a listener).
        allow_listen: bool = "false", ["SOURCE_ALLOW_LISTEN"], "source-allow-listen", Switch;
        /// Ports that sources may not use; by default those of mail, shells, databases and the like.
        deny_ports: Vec<u16> = DENY_PORTS, ["SOURCE_DENY_PORTS"], "source-deny-ports", Ports;
        /// Schemes that sources may have; files have media_dir instead.
        schemes: Vec<String> = SCHEMES, ["SOURCE_SCHEMES"], "source-schemes", Schemes;
        /// Folder whose files may be sources (file:///...); empty for none.
        media_dir: Option<PathBuf> = "", ["SOURCE_MEDIA_DIR"], "source-media-dir", Maybe(FilePath);
        /// Longest wait for a connection and for the head of a response, unless the source sets its own.
        default_timeout: Duration = "10s", ["SOURCE_TIMEOUT"], "source-timeout", Millis(100, 10 * MINUTE);
        /// Without media for this long a source counts as stalled and is connected anew.
        stall_timeout: Duration = "15s", ["SOURCE_STALL_TIMEOUT"], "source-stall-timeout", Millis(SECOND, 10 * MINUTE);
        /// User-Agent sent to sources that set none.
        user_agent: String = concat!("sightglass/", env!("CARGO_PKG_VERSION")), ["SOURCE_USER_AGENT"], "source-user-agent", HeaderText;
        /// Wait before the first reconnect; it doubles at each failure.
        backoff_min: Duration = "500ms", ["SOURCE_BACKOFF_MIN"], "source-backoff-min", Millis(10, HOUR);
        /// Longest wait between two reconnects.
        backoff_max: Duration = "30s", ["SOURCE_BACKOFF_MAX"], "source-backoff-max", Millis(10, HOUR);
        /// Folder of files that hold secrets, which accounts name; empty for none.
        secrets_dir: Option<PathBuf> = "", ["SECRETS_DIR", "CREDENTIALS_DIRECTORY"], "secrets-dir", Maybe(FilePath);
        /// How far a paced feed starts ahead of real time.
        lead: Duration = "4s", ["FEED_LEAD"], "feed-lead", Millis(0, MINUTE);
    }
    check check::sources;
}

section! {
    /// Encoding: how much at a time and in what qualities.
    pub struct Transcode in "transcode." {
        /// Transcodes that run at a time; 0 never transcodes.
        max_concurrent: usize = "3", ["MAX_CONCURRENT_TRANSCODES"], "max-concurrent-transcodes", whole(0, 256);
        /// Viewers who may wait for a transcode to become free; 0 refuses at once.
        queue_length: usize = "32", ["TRANSCODE_QUEUE_LENGTH"], "transcode-queue-length", whole(0, 10_000);
        /// Longest wait for the first media byte, unless the request sets its own.
        timeout: Duration = "30s", ["TRANSCODE_TIMEOUT"], "transcode-timeout", Millis(SECOND, 10 * MINUTE);
        /// Profile of a transcode whose request names none.
        default_profile: String = "medium", ["TRANSCODE_QUALITY_PROFILE"], "transcode-quality-profile", ProfileName;
        /// Encoder threads of each transcode.
        threads: u32 = "2", ["TRANSCODE_THREADS"], "transcode-threads", whole(1, 32);
        /// Folder of pipeline files that replace built-in ones of the same name; empty for none.
        pipelines_dir: Option<PathBuf> = "", ["PIPELINES_DIR"], "pipelines-dir", Maybe(FilePath);
        /// GStreamer plugins that may be used beside the built-in list; those that pipelines_dir needs are found without.
        gstreamer_plugins: Vec<String> = "", ["GSTREAMER_PLUGINS"], "gstreamer-plugins", Plugins;
        /// Streams pulled through GStreamer at a time (RTSP, RTMP, SRT and the like, and test streams).
        max_gst_ingests: usize = "16", ["MAX_GSTREAMER_INGESTS"], "max-gstreamer-ingests", whole(0, 4_096);
        /// A pipeline of this age is replaced at a keyframe, without viewers noticing; 0 never replaces one.
        pipeline_max_age: Duration = "24h", ["PIPELINE_MAX_AGE"], "pipeline-max-age", Millis(0, 30 * 24 * HOUR);
        /// A pipeline that takes longer to stop is counted as wedged and abandoned.
        teardown_deadline: Duration = "5s", ["TEARDOWN_DEADLINE"], "teardown-deadline", Millis(100, 30 * SECOND);
    }
    with {
        /// Encode settings by name; never empty, and `default_profile` is among them.
        profiles: BTreeMap<String, Profile> = profile::read;
    }
    check check::transcode;
}

section! {
    /// How much memory and CPU pipelines may take. A limit of the control group caps both thresholds.
    pub struct Limits in "limits." {
        /// Anonymous memory of the process above which idle pipelines end and new transcodes wait.
        memory_warning: usize = "512MB", ["MEMORY_WARNING_THRESHOLD"], "memory-warning-threshold", Size(16 * MIB, 1024 * 1024 * MIB);
        /// Anonymous memory of the process above which the least wanted pipelines are ended, one after the other.
        memory_critical: usize = "1GB", ["MEMORY_CRITICAL_THRESHOLD"], "memory-critical-threshold", Size(16 * MIB, 1024 * 1024 * MIB);
        /// Memory above which a pipeline is ended, whatever the others take.
        pipeline_memory: usize = "384MiB", ["PIPELINE_MEMORY_CEILING"], "pipeline-memory-ceiling", Size(16 * MIB, 1024 * 1024 * MIB);
        /// Free space below which the disk of the store counts as nearly full; 0 never.
        disk_free: usize = "500MB", ["LOW_DISK_THRESHOLD"], "low-disk-threshold", Size(0, 1024 * 1024 * 1024 * MIB);
        /// CPU cores that transcodes are reckoned to have; 0 takes what the machine and its control group give.
        cpu_cores: u32 = "0", ["TRANSCODE_CPU_CORES"], "transcode-cpu-cores", whole(0, 4096);
    }
    check check::limits;
}

section! {
    /// Viewers, and what outlives them for a moment.
    pub struct Sessions in "sessions." {
        /// Sessions of one client address at a time.
        max_per_client: usize = "16", ["MAX_SESSIONS_PER_CLIENT"], "max-sessions-per-client", whole(1, 100_000);
        /// Sessions of all clients at a time.
        max_total: usize = "2000", ["MAX_SESSIONS"], "max-sessions", whole(1, 100_000);
        /// An HLS session ends this long after its last request.
        hls_idle: Duration = "20s", ["HLS_SESSION_TIMEOUT"], "hls-session-timeout", Millis(SECOND, 10 * MINUTE);
        /// A stream's ingest stays this long after its last consumer.
        stream_linger: Duration = "10s", ["STREAM_LINGER"], "stream-linger", Millis(0, HOUR);
        /// A rendition's pipeline stays this long after its last viewer.
        rendition_linger: Duration = "5s", ["RENDITION_LINGER"], "rendition-linger", Millis(0, HOUR);
    }
}

section! {
    /// The fan-out of one stream's bytes.
    pub struct Feed in "feed." {
        /// Most bytes that one feed keeps for viewers who join.
        max_bytes: usize = "16MiB", ["FEED_MAX_BYTES"], "feed-max-bytes", Size(256 * KIB, 1024 * MIB);
        /// A viewer who falls this far behind skips to the next keyframe.
        lag_bytes: usize = "4MiB", ["FEED_LAG_BYTES"], "feed-lag-bytes", Size(64 * KIB, 1024 * MIB);
    }
    check check::feed;
}

/// The words for how closely streams are watched.
const MODES: &[(&str, MonitorMode)] = &MonitorMode::WORDS;

section! {
    /// How streams are watched, and what is kept of it.
    pub struct Monitor in "monitor." {
        /// How closely streams are watched that do not say it: continuous (pulled all the time), sampled (a look in each interval), off.
        mode: MonitorMode = "sampled", ["MONITOR_MODE"], "monitor-mode", OneOf(MODES);
        /// Time between two looks at a sampled stream.
        interval: Duration = "30s", ["MONITOR_INTERVAL"], "monitor-interval", Millis(2 * SECOND, HOUR);
        /// Time between two looks at the picture and the sound of a stream that is watched continuously.
        picture_interval: Duration = "10s", ["MONITOR_PICTURE_INTERVAL"], "monitor-picture-interval", Millis(2 * SECOND, HOUR);
        /// Decoders that look at pictures and sound at a time.
        decoders: usize = "2", ["MONITOR_DECODERS"], "monitor-decoders", whole(1, 64);
        /// Looks at streams of one host at a time.
        host_concurrency: usize = "4", ["MONITOR_HOST_CONCURRENCY"], "monitor-host-concurrency", whole(1, 1_000);
        /// Streams whose watching begins in a second, so that not all begin at once.
        start_rate: u32 = "20", ["MONITOR_START_RATE"], "monitor-start-rate", whole(1, 10_000);
        /// How long a condition must last before it is raised, by kind, where it is not as built in (down=10s, black=10s).
        hold: BTreeMap<Kind, Duration> = "", ["MONITOR_HOLD"], "monitor-hold", ByKind(Millis(0, HOUR));
        /// How long a condition must be gone before it is cleared, by kind, where it is not as built in (down=10s); below 5s counts as 5s.
        clear: BTreeMap<Kind, Duration> = "", ["MONITOR_CLEAR"], "monitor-clear", ByKind(Millis(0, HOUR));
        /// How bad a condition is, by kind, where it is not as built in (silent=critical, slow=warning).
        severity: BTreeMap<Kind, Severity> = "", ["MONITOR_SEVERITY"], "monitor-severity", ByKind(OneOf(SEVERITIES));
        /// Kinds of conditions that are raised only for streams that ask for them.
        disable: Vec<Kind> = "", ["MONITOR_DISABLE"], "monitor-disable", Kinds;
        /// Most bytes of thumbnails that are kept.
        thumbnails_bytes: usize = "32MB", ["MONITOR_THUMBNAIL_MEMORY"], "monitor-thumbnail-memory", Size(MIB, 4096 * MIB);
        /// Events and minutes older than this are removed from the history.
        history_age: Duration = "90d", ["MONITOR_HISTORY_AGE"], "monitor-history-age", Millis(HOUR, 3_660 * DAY);
        /// Most bytes of history that are kept; the oldest goes first.
        history_bytes: usize = "1GB", ["MONITOR_HISTORY_SIZE"], "monitor-history-size", Size(MIB, 1024 * 1024 * MIB);
        /// Most bytes of pictures that are kept of what streams looked like when conditions were raised and cleared; the oldest go first. 0 for none.
        pictures_bytes: usize = "64MB", ["MONITOR_PICTURES_SIZE"], "monitor-pictures-size", Size(0, 64 * 1024 * MIB);
        /// Metrics have series for each stream.
        stream_metrics: bool = "true", ["MONITOR_STREAM_METRICS"], "monitor-stream-metrics", Switch;
    }
}

section! {
    /// Telling people: how often, how patiently, and where receivers may be.
    pub struct Alerts in "alerts." {
        /// A receiver is told of a condition of a stream at most once in this time; what is held back is counted and told in the next.
        rate_limit: Duration = "5m", ["ALERT_RATE_LIMIT", "EMAIL_RATE_LIMIT_MS"], "alert-rate-limit", Millis(0, DAY);
        /// Webhooks and Alertmanagers may have private addresses: RFC 1918, unique local (fc00::/7) and shared (100.64.0.0/10).
        allow_private: bool = "false", ["ALERT_ALLOW_PRIVATE"], "alert-allow-private", Switch;
        /// Webhooks and Alertmanagers may be on this machine (127.0.0.0/8 and ::1).
        allow_loopback: bool = "false", ["ALERT_ALLOW_LOOPBACK"], "alert-allow-loopback", Switch;
        /// Address ranges that webhooks and Alertmanagers may have whatever else is not allowed.
        allow_cidrs: Vec<IpNet> = "", ["ALERT_ALLOW_CIDRS"], "alert-allow-cidrs", Cidrs;
        /// Ports that webhooks and Alertmanagers may not have.
        deny_ports: Vec<u16> = DENY_PORTS, ["ALERT_DENY_PORTS"], "alert-deny-ports", Ports;
        /// Longest time that a webhook or an Alertmanager may take to accept a notification.
        timeout: Duration = "10s", ["ALERT_TIMEOUT"], "alert-timeout", Millis(100, 5 * MINUTE);
        /// Pause after the first failed attempt to deliver a notification; it doubles with each.
        retry_min: Duration = "10s", ["ALERT_RETRY_MIN"], "alert-retry-min", Millis(10, HOUR);
        /// Longest pause between two attempts.
        retry_max: Duration = "5m", ["ALERT_RETRY_MAX"], "alert-retry-max", Millis(10, DAY);
        /// A notification older than this that fails is given up; it stays in the outbox and can be sent again.
        give_up_after: Duration = "1d", ["ALERT_GIVE_UP_AFTER"], "alert-give-up-after", Millis(SECOND, 30 * DAY);
    }
    check check::alerts;
}

section! {
    /// How mail leaves.
    pub struct Email in "email." {
        /// Mail server; no mail is sent when it is empty.
        host: Option<String> = "", ["SMTP_HOST"], "smtp-host", Maybe(HostName);
        /// Port of the mail server; 0 takes the usual one: 587 for starttls, 465 for tls, 25 for plain.
        port: u16 = "0", ["SMTP_PORT"], "smtp-port", whole(0, 65_535);
        /// How the connection is secured: starttls (required, not tried), tls (from the beginning), plain (for a relay on this machine).
        security: Security = "starttls", ["SMTP_SECURITY"], "smtp-security", OneOf(SECURITIES);
        /// User name at the mail server; no login when it is empty.
        username: Option<String> = "", ["SMTP_USERNAME", "SMTP_USER"], "smtp-username", Maybe(Text(256));
        /// Password at the mail server; others on this machine see it in arguments, so better in a file.
        password: Option<Hidden> = "", ["SMTP_PASSWORD", "SMTP_PASS"], "smtp-password", Maybe(HiddenText);
        /// File that holds the password; read at each login.
        password_file: Option<PathBuf> = "", ["SMTP_PASSWORD_FILE"], "smtp-password-file", Maybe(FilePath);
        /// File of certificates (PEM) that are trusted for the mail server beside those of the system.
        ca_file: Option<PathBuf> = "", ["SMTP_CA_FILE"], "smtp-ca-file", Maybe(FilePath);
        /// Sender of mails; needed where there is a mail server.
        from: Option<Mailbox> = "", ["EMAIL_FROM", "SMTP_FROM"], "email-from", Maybe(Sender);
        /// Recipients of critical and warning alerts as long as no rule says otherwise.
        to: Vec<MailAddress> = "", ["EMAIL_TO"], "email-to", Addresses;
        /// Name that this machine gives itself at the mail server; its own when it is empty.
        hello: Option<String> = "", ["SMTP_HELLO"], "smtp-hello", Maybe(HostName);
        /// Longest wait for an answer of the mail server, but for the one that accepts a mail.
        timeout: Duration = "30s", ["SMTP_TIMEOUT"], "smtp-timeout", Millis(100, 5 * MINUTE);
        /// Mails that leave in a row.
        batch: u32 = "10", ["EMAIL_BATCH"], "email-batch", whole(1, 1_000);
        /// Pause after them.
        batch_pause: Duration = "2s", ["EMAIL_BATCH_PAUSE"], "email-batch-pause", Millis(0, HOUR);
    }
    check check::email;
}

section! {
    /// The HLS that is served.
    pub struct Hls in "hls." {
        /// Shortest segment before the next keyframe cuts it.
        segment: Duration = "2s", ["HLS_SEGMENT"], "hls-segment", Millis(500, 10 * SECOND);
        /// Segments that a playlist lists.
        window: usize = "6", ["HLS_WINDOW"], "hls-window", whole(3, 60);
    }
}

section! {
    /// The limits of the HTTP server.
    pub struct Http in "http." {
        /// Open connections; more wait in the listen queue of the system.
        max_connections: usize = "4096", ["MAX_CONNECTIONS"], "max-connections", whole(1, 1_000_000);
        /// Longest wait for the head of a request.
        header_timeout: Duration = "10s", ["HTTP_HEADER_TIMEOUT"], "http-header-timeout", Millis(100, 10 * MINUTE);
        /// Longest time that the body of a request may take.
        body_timeout: Duration = "30s", ["HTTP_BODY_TIMEOUT"], "http-body-timeout", Millis(100, 10 * MINUTE);
        /// A viewer who reads nothing for this long is cut off.
        write_timeout: Duration = "60s", ["HTTP_WRITE_TIMEOUT"], "http-write-timeout", Millis(SECOND, HOUR);
        /// Largest body of a playlist import.
        max_body_bytes: usize = "64MiB", ["HTTP_MAX_BODY_BYTES"], "http-max-body-bytes", Size(KIB, 1024 * MIB);
        /// Largest body of any other request.
        max_json_bytes: usize = "1MiB", ["HTTP_MAX_JSON_BYTES"], "http-max-json-bytes", Size(KIB, 64 * MIB);
        /// URL at which clients reach this server through a proxy, for /playlist.m3u; empty takes the request's own.
        playlist_base_url: Option<Url> = "", ["PUBLIC_URL"], "public-url", Maybe(PublicUrl);
    }
    check check::http;
}

section! {
    /// Live updates.
    pub struct Live in "live." {
        /// Clients that may follow live updates at a time.
        max_clients: usize = "1000", ["LIVE_MAX_CLIENTS"], "live-max-clients", whole(0, 100_000);
        /// Most bytes of changes that are remembered for clients that come back or are slow; who missed more is told everything.
        memory: usize = "16MiB", ["LIVE_MEMORY"], "live-memory", Size(64 * KIB, 1024 * MIB);
    }
}

section! {
    /// Logging, to standard output and to files.
    pub struct Log in "log." {
        /// Which levels are logged, by target.
        level: String = "info", ["LOG_LEVEL", "RUST_LOG"], "log-level", LogFilter;
        /// Form of a log line; auto is pretty on a terminal and json elsewhere.
        format: LogFormat = "auto", ["LOG_FORMAT"], "log-format", OneOf(LogFormat::WORDS);
        /// Folder of log files, in JSON; empty for none.
        dir: Option<PathBuf> = "", ["LOG_DIR"], "log-dir", Maybe(FilePath);
        /// Size at which a log file is rotated.
        max_size: usize = "10MB", ["MAX_LOG_SIZE"], "max-log-size", Size(16 * KIB, 4096 * MIB);
        /// Log files that are kept, the one that is written included.
        max_files: usize = "5", ["MAX_LOG_FILES"], "max-log-files", whole(1, 1_000);
        /// A line that says the same as one this short a time before is counted instead; while that goes on the time grows to a minute. 0 writes each.
        repeat_window: Duration = "5s", ["LOG_REPEAT_WINDOW"], "log-repeat-window", Millis(0, MINUTE);
        /// Lines of the log that the API shows; 0 shows none.
        tail_lines: usize = "1000", ["LOG_TAIL_LINES"], "log-tail-lines", whole(0, 100_000);
    }
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `Pretty` on a terminal, `Json` elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("json", Self::Json),
        ("pretty", Self::Pretty),
        ("auto", Self::Auto),
    ];
}

/// Every setting, section by section, those of the top of the file first.
pub fn settings() -> impl Iterator<Item = &'static Setting> + Clone {
    [
        Config::SETTINGS,
        Sources::SETTINGS,
        Transcode::SETTINGS,
        Limits::SETTINGS,
        Sessions::SETTINGS,
        Feed::SETTINGS,
        Monitor::SETTINGS,
        Alerts::SETTINGS,
        Email::SETTINGS,
        Hls::SETTINGS,
        Http::SETTINGS,
        Door::SETTINGS,
        Tls::SETTINGS,
        Auth::SETTINGS,
        Live::SETTINGS,
        Log::SETTINGS,
    ]
    .into_iter()
    .flatten()
}

/// Reads the whole; the reader keeps the mistakes.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Config> {
    Config::read(reader)
}
