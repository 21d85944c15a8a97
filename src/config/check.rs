//! What two settings can get wrong only together. Run for a section once each of its settings is good alone.

use super::auth::{Auth, AuthMode};
use super::model::{Alerts, Config, Email, Feed, Http, Limits, Sources, Transcode};
use super::reader::Reader;

pub(super) fn config(config: &Config, reader: &mut Reader<'_>) {
    // A player asks for the playlist about once a segment; one late request must not end its session.
    if config.sessions.hls_idle < config.hls.segment * 2 {
        reader.refuse(
            "sessions.hls_idle",
            "must be at least twice hls.segment, or viewers lose their session between two requests",
        );
    }
    if config.transcode.teardown_deadline > config.shutdown_timeout {
        reader.refuse(
            "transcode.teardown_deadline",
            "must not be longer than shutdown_timeout",
        );
    }
}

pub(super) fn sources(sources: &Sources, reader: &mut Reader<'_>) {
    if sources.backoff_min > sources.backoff_max {
        reader.refuse(
            "sources.backoff_min",
            "must not be longer than sources.backoff_max",
        );
    }
}

pub(super) fn transcode(transcode: &Transcode, reader: &mut Reader<'_>) {
    if !transcode.profiles.contains_key(&transcode.default_profile) {
        let names: Vec<_> = transcode.profiles.keys().map(String::as_str).collect();
        reader.refuse(
            "transcode.default_profile",
            &format!("must be a known profile: {}", names.join(", ")),
        );
    }
}

pub(super) fn limits(limits: &Limits, reader: &mut Reader<'_>) {
    if limits.memory_warning > limits.memory_critical {
        reader.refuse(
            "limits.memory_warning",
            "must not be larger than limits.memory_critical",
        );
    }
    if limits.pipeline_memory > limits.memory_critical {
        reader.refuse(
            "limits.pipeline_memory",
            "must not be larger than limits.memory_critical: one pipeline alone would end others",
        );
    }
}

pub(super) fn alerts(alerts: &Alerts, reader: &mut Reader<'_>) {
    if alerts.retry_min > alerts.retry_max {
        reader.refuse(
            "alerts.retry_min",
            "must not be longer than alerts.retry_max",
        );
    }
}

pub(super) fn email(email: &Email, reader: &mut Reader<'_>) {
    if email.host.is_some() && email.from.is_none() {
        reader.refuse(
            "email.from",
            "must be set where email.host is: mail needs a sender",
        );
    }
    if email.host.is_none() && !email.to.is_empty() {
        reader.refuse(
            "email.host",
            "must be set where email.to is: nothing would be sent",
        );
    }
    let passwords = [email.password.is_some(), email.password_file.is_some()];
    let passwords = passwords.into_iter().filter(|set| *set).count();
    if passwords == 2 {
        reader.refuse(
            "email.password_file",
            "must not be set together with email.password",
        );
    }
    if email.username.is_some() && passwords == 0 {
        reader.refuse(
            "email.username",
            "must have a password: email.password_file or email.password",
        );
    }
    if email.username.is_none() && passwords > 0 {
        reader.refuse("email.username", "must be set where there is a password");
    }
}

pub(super) fn feed(feed: &Feed, reader: &mut Reader<'_>) {
    if feed.lag_bytes > feed.max_bytes {
        reader.refuse(
            "feed.lag_bytes",
            "must not be larger than feed.max_bytes: a feed keeps no more than that",
        );
    }
}

pub(super) fn http(http: &Http, reader: &mut Reader<'_>) {
    if http.max_json_bytes > http.max_body_bytes {
        reader.refuse(
            "http.max_json_bytes",
            "must not be larger than http.max_body_bytes",
        );
    }
}

pub(super) fn auth(auth: &Auth, reader: &mut Reader<'_>) {
    if auth.insecure && auth.mode == AuthMode::Required {
        reader.refuse(
            "auth.insecure",
            "must not be set together with auth.mode = required",
        );
    }
    if auth.session_idle > auth.session_age {
        reader.refuse(
            "auth.session_idle",
            "must not be longer than auth.session_age",
        );
    }
}
