//! The configuration as a whole: strength, mistakes, names, defaults.

use super::*;
use crate::stream::MonitorMode;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs the command line over a given outside; the file is always called `s.toml`.
fn command(args: &[&str], env: &[(&str, &str)], file: Option<&str>) -> Result<Command, CliError> {
    let args = std::iter::once("sightglass").chain(args.iter().copied());
    let env: BTreeMap<_, _> = env.iter().copied().collect();
    let read_file = |path: &Path| match file {
        Some(text) if path == Path::new("s.toml") => Ok(text.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    parse_command(
        args.map(OsString::from),
        &|name| env.get(name).map(|value| (*value).to_owned()),
        &read_file,
        "1.2.3 with parts".to_owned(),
    )
}

fn config(args: &[&str], env: &[(&str, &str)], file: Option<&str>) -> Config {
    let args = [args, file.map_or(&[][..], |_| &["--config", "s.toml"])].concat();
    match command(&args, env, file) {
        Ok(Command::Serve(config)) => config,
        other => panic!("{other:?}"),
    }
}

fn mistakes(args: &[&str], env: &[(&str, &str)], file: Option<&str>) -> Vec<Mistake> {
    let args = [args, file.map_or(&[][..], |_| &["--config", "s.toml"])].concat();
    match command(&args, env, file) {
        Err(CliError::Config(ConfigErrors(mistakes))) => mistakes,
        other => panic!("{other:?}"),
    }
}

fn told(mistakes: &[Mistake]) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

/// A value that differs from the default, for every setting.
fn other_value(setting: &Setting) -> String {
    match setting.key {
        "listen" => "[::1]:9000",
        "db_path"
        | "sources.media_dir"
        | "sources.secrets_dir"
        | "transcode.pipelines_dir"
        | "log.dir"
        | "auth.admin_password_file" => "elsewhere/x",
        "auth.mode" | "confinement" => "required",
        "auth.metrics_access" => "token",
        "auth.admin_name" => "ada",
        "auth.session_idle" | "auth.playback_validity" => "1h",
        "auth.session_age" | "auth.playlist_validity" => "2d",
        "environment" => "staging",
        "confinement_read" | "confinement_devices" => "/dev/dri,/srv/more",
        "transcode.gstreamer_plugins" => "va,nvcodec",
        "auth.insecure"
        | "demo"
        | "sources.allow_multicast"
        | "sources.allow_listen"
        | "alerts.allow_private"
        | "alerts.allow_loopback" => "true",
        "email.host" | "email.hello" => "mail.example.org",
        "email.security" => "tls",
        "email.from" => "Sightglass <tv@example.org>",
        "email.to" => "a@example.org,b@example.org",
        "alerts.rate_limit" | "alerts.retry_max" => "10m",
        "sources.allow_cidrs" | "sources.deny_cidrs" | "alerts.allow_cidrs" => {
            "10.0.0.0/8,192.0.2.7"
        }
        "sources.allow_private" | "monitor.stream_metrics" => "false",
        "sources.deny_ports" | "alerts.deny_ports" => "22,25",
        "sources.schemes" => "http,udp",
        "sources.user_agent" => "VLC/3.0.21 LibVLC/3.0.21",
        "transcode.default_profile" => "low",
        "transcode.max_concurrent" | "transcode.queue_length" => "0",
        "hls.window" => "9",
        "http.trusted_proxies" | "http.unlimited_clients" => "192.0.2.0/24",
        "http.proxy_headers" => "forwarded",
        "http.base_path" => "/tv",
        "http.allowed_hosts" => "tv.example.org",
        "http.cors_origins" | "http.cors_media_origins" => "https://tv.example.org",
        "http.http2_idle_timeout" => "3m",
        "http.playlist_base_url" => "https://tv.example.org/sub/",
        "monitor.mode" => "continuous",
        "monitor.hold" | "monitor.clear" => "black=20s,silent=1m",
        "monitor.severity" => "silent=warning",
        "monitor.disable" => "bitrate,slow",
        "alerts.give_up_after" | "monitor.history_age" | "http.hsts" => "7d",
        "monitor.thumbnails_bytes"
        | "monitor.history_bytes"
        | "log.max_size"
        | "limits.disk_free" => "64MB",
        "monitor.pictures_bytes" => "32MB",
        "log.level" => "warn,sightglass=debug",
        "log.format" => "pretty",
        "shutdown_timeout" => "29s",
        "sources.backoff_min" => "600ms",
        "sources.backoff_max" => "31s",
        "hls.segment" => "3s",
        "transcode.teardown_deadline" => "6s",
        "feed.max_bytes" => "17MiB",
        "feed.lag_bytes" => "3MiB",
        key if key.starts_with("limits.") && key.contains("memory") => "600MB",
        _ if setting.default.ends_with("MiB") => "2MiB",
        _ if setting.default.ends_with('s') => "25s",
        _ => "7",
    }
    .to_owned()
}

/// What a setting cannot be without.
fn companions(setting: &Setting) -> Vec<(&'static str, &'static str)> {
    let all = [
        ("SMTP_HOST", "mail.example.com"),
        ("EMAIL_FROM", "tv@example.com"),
        ("SMTP_USERNAME", "tv"),
        ("SMTP_PASSWORD", "secret"),
        ("TLS_CERTIFICATE", "tls.pem"),
        ("TLS_KEY", "tls.key"),
    ];
    let wanted: &[_] = match setting.key {
        "email.host" | "email.from" | "email.to" => &all[..2],
        "email.username" | "email.password" => &all[2..4],
        "email.password_file" => &all[2..3],
        "tls.certificate" | "tls.key" => &all[4..],
        _ => &[],
    };
    let others = wanted
        .iter()
        .filter(|(name, _)| !setting.env.contains(name));
    others.copied().collect()
}

/// The line of `--print` that sets `key`.
fn printed(args: &[&str], env: &[(&str, &str)], file: Option<&str>, setting: &Setting) -> String {
    let args = [
        &["check-config", "--print"][..],
        args,
        file.map_or(&[][..], |_| &["--config", "s.toml"]),
    ]
    .concat();
    let Ok(Command::CheckConfig {
        print: Some(print), ..
    }) = command(&args, env, file)
    else {
        panic!("{:?}", command(&args, env, file));
    };
    let mut section = "";
    for line in print.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        if section == setting.section() && line.starts_with(&format!("{} = ", setting.name())) {
            return line.to_owned();
        }
    }
    panic!("{} is not in:\n{print}", setting.key);
}

fn file_setting(setting: &Setting, value: &str) -> String {
    let line = format!("{} = \"{value}\"\n", setting.name());
    match setting.section() {
        "" => line,
        section => format!("[{section}]\n{line}"),
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn defaults() {
    let config = config(&[], &[], None);
    let ms = Duration::from_millis;
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!(config.db_path, PathBuf::from("sightglass.redb"));
    assert_eq!(config.environment, "production");
    assert!(!config.demo);
    assert_eq!(config.shutdown_timeout, ms(25_000));
    assert_eq!(config.confinement, crate::confine::Mode::On);
    assert!(config.confinement_read.is_empty() && config.confinement_devices.is_empty());
    assert_eq!(
        config.sources,
        Sources {
            allow_cidrs: vec![],
            deny_cidrs: vec![],
            allow_private: true,
            allow_multicast: false,
            allow_listen: false,
            deny_ports: config.sources.deny_ports.clone(),
            schemes: config.sources.schemes.clone(),
            media_dir: None,
            default_timeout: ms(10_000),
            stall_timeout: ms(15_000),
            user_agent: format!("sightglass/{}", env!("CARGO_PKG_VERSION")),
            backoff_min: ms(500),
            backoff_max: ms(30_000),
            secrets_dir: None,
            lead: ms(4_000),
        }
    );
    for port in [22, 25, 445, 6379] {
        assert!(config.sources.deny_ports.contains(&port), "{port}");
    }
    assert_eq!(config.sources.schemes, crate::stream::SourceUrl::SCHEMES);
    let profiles = &config.transcode.profiles;
    let names: Vec<_> = profiles.keys().map(String::as_str).collect();
    assert_eq!(names, ["high", "low", "medium"]);
    assert_eq!(
        profiles["medium"],
        Profile {
            name: "medium".to_owned(),
            width: 1280,
            height: 720,
            video_bitrate_kbps: 2500,
            speed_preset: SpeedPreset::Veryfast,
            audio_bitrate_kbps: 128,
            max_frame_rate: 60,
        }
    );
    assert_eq!(
        config.transcode,
        Transcode {
            max_concurrent: 3,
            queue_length: 32,
            timeout: ms(30_000),
            default_profile: "medium".to_owned(),
            threads: 2,
            pipelines_dir: None,
            gstreamer_plugins: vec![],
            max_gst_ingests: 16,
            pipeline_max_age: ms(24 * 3_600_000),
            teardown_deadline: ms(5_000),
            profiles: profiles.clone(),
        }
    );
    assert_eq!(
        config.limits,
        Limits {
            memory_warning: 512_000_000,
            memory_critical: 1_000_000_000,
            pipeline_memory: 384 << 20,
            disk_free: 500_000_000,
            cpu_cores: 0,
        }
    );
    assert_eq!(
        config.sessions,
        Sessions {
            max_per_client: 16,
            max_total: 2000,
            hls_idle: ms(20_000),
            stream_linger: ms(10_000),
            rendition_linger: ms(5_000),
        }
    );
    assert_eq!(
        config.feed,
        Feed {
            max_bytes: 16 << 20,
            lag_bytes: 4 << 20,
        }
    );
    assert_eq!(
        config.monitor,
        Monitor {
            mode: MonitorMode::Sampled,
            interval: ms(30_000),
            picture_interval: ms(10_000),
            decoders: 2,
            host_concurrency: 4,
            start_rate: 20,
            hold: BTreeMap::new(),
            clear: BTreeMap::new(),
            severity: BTreeMap::new(),
            disable: vec![],
            thumbnails_bytes: 32_000_000,
            history_age: ms(90 * 24 * 3_600_000),
            history_bytes: 1_000_000_000,
            pictures_bytes: 64_000_000,
            stream_metrics: true,
        }
    );
    assert_eq!(
        config.hls,
        Hls {
            segment: ms(2_000),
            window: 6,
        }
    );
    assert_eq!(
        config.http,
        Http {
            max_connections: 4096,
            header_timeout: ms(10_000),
            body_timeout: ms(30_000),
            write_timeout: ms(60_000),
            max_body_bytes: 64 << 20,
            max_json_bytes: 1 << 20,
            playlist_base_url: None,
        }
    );
    assert_eq!(
        config.log,
        Log {
            level: "info".to_owned(),
            format: LogFormat::Auto,
            dir: None,
            max_size: 10_000_000,
            max_files: 5,
            repeat_window: ms(5_000),
            tail_lines: 1_000,
        }
    );
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let file = Some("listen = \"127.0.0.3:3\"\n");
    let env = [("LISTEN_ADDR", "127.0.0.2:2")];
    let flag = ["--listen", "127.0.0.1:1"];
    assert_eq!(config(&flag, &env, file).listen.port(), 1);
    assert_eq!(config(&[], &env, file).listen.port(), 2);
    assert_eq!(config(&[], &[], file).listen.port(), 3);
    // An empty variable is no variable.
    assert_eq!(config(&[], &[("LISTEN_ADDR", "")], file).listen.port(), 3);
    // A switch can be switched off again.
    assert!(config(&["--demo"], &[], None).demo);
    assert!(!config(&["--demo=false"], &[("DEMO", "1")], None).demo);
    // LOG_LEVEL is ours, RUST_LOG everybody's.
    let env = [("RUST_LOG", "debug"), ("LOG_LEVEL", "warn")];
    assert_eq!(config(&[], &env, None).log.level, "warn");
    assert_eq!(config(&[], &env[..1], None).log.level, "debug");
}

#[test]
fn every_name_is_accepted_from_each_place() {
    for setting in settings() {
        let value = other_value(setting);
        let switch = setting.allowed() == "true or false";
        let flag = if switch {
            format!("--{}={value}", setting.flag)
        } else {
            format!("--{}", setting.flag)
        };
        let args = if switch {
            vec![flag.as_str()]
        } else {
            vec![flag.as_str(), value.as_str()]
        };
        let more = companions(setting);
        let default = printed(&[], &[], None, setting);
        assert!(default.ends_with(" # default"), "{default}");
        let by_flag = printed(&args, &more, None, setting);
        let (said, origin) = by_flag.split_once(" # ").unwrap();
        assert_eq!(origin, format!("flag --{}", setting.flag));
        assert_ne!(Some(said), default.split(" # ").next());
        for name in setting.env {
            let env = [&more[..], &[(*name, value.as_str())]].concat();
            let by_env = printed(&[], &env, None, setting);
            assert_eq!(by_env, format!("{said} # env {name}"));
        }
        let file = file_setting(setting, &value);
        let by_file = printed(&[], &more, Some(&file), setting);
        let line = if setting.section().is_empty() { 1 } else { 2 };
        assert_eq!(by_file, format!("{said} # file s.toml:{line}"));
    }
}

#[test]
fn names_are_unique_and_documented() {
    let mut seen = std::collections::BTreeSet::from(["config".to_owned(), "CONFIG".to_owned()]);
    for setting in settings() {
        assert!(seen.insert(setting.flag.to_owned()), "{}", setting.flag);
        // `listen` and the like are the same word as flag and as key.
        assert!(
            seen.insert(format!("key {}", setting.key)),
            "{}",
            setting.key
        );
        for env in setting.env {
            assert!(seen.insert((*env).to_owned()), "{env}");
        }
        assert!(setting.doc().ends_with('.'), "{}", setting.key);
        assert!(!setting.allowed().is_empty());
    }
}

#[test]
fn what_is_printed_reads_back_the_same() {
    let file = "[profiles.tiny]\nwidth = 320\nheight = 180\nvideo_bitrate_kbps = 300\n";
    let args = [
        "--config",
        "s.toml",
        "--source-allow-cidrs",
        "10.0.0.0/8",
        "--source-allow-cidrs",
        "::1",
    ];
    let env = [
        ("PUBLIC_URL", "https://a.example/b"),
        ("SOURCE_USER_AGENT", "a \"b\" \\ c"),
    ];
    let args = [&["check-config", "--print"][..], &args[..]].concat();
    let Ok(Command::CheckConfig {
        config: first,
        print: Some(print),
    }) = command(&args, &env, Some(file))
    else {
        panic!("{:?}", command(&args, &env, Some(file)));
    };
    assert_eq!(first.sources.allow_cidrs.len(), 2);
    assert_eq!(config(&[], &[], Some(&print)), first);
    assert!(
        print.contains("[profiles.tiny] # file s.toml:1\n"),
        "{print}"
    );
    assert!(print.contains("[profiles.high] # default\n"), "{print}");
}

#[test]
fn all_mistakes_at_once() {
    let file = "lisen = 1\n[hls]\nwindow = [6]\n[sorces]\nx = 1\n[profiles.low]\nwidth = 3\n";
    let args = ["--db", "", "--hls-segment", "soon"];
    let env = [
        ("SOURCE_ALLOW_CIDRS", "10.0.0.0/8,nonsense"),
        ("SOURCE_BACKOFF_MIN", "1m"),
        ("TRANSCODE_THREADS", "33"),
        ("SIGHTGLASS_NO_SUCH_THING", "x"),
    ];
    let told = told(&mistakes(&args, &env, Some(file)));
    let expected = [
        "sorces (file s.toml:4): unknown section; did you mean [sources]?",
        r#"lisen = "1" (file s.toml:1): unknown key; did you mean listen?"#,
        r#"db_path = "" (flag --db): must be a path of 1 to 4095 bytes"#,
        r#"sources.allow_cidrs = "10.0.0.0/8,nonsense" (env SOURCE_ALLOW_CIDRS): must be up to 256 address ranges"#,
        r#"transcode.threads = "33" (env TRANSCODE_THREADS): must be a whole number from 1 to 32"#,
        r#"profiles.low.width = "3" (file s.toml:7): must be an even number from 64 to 4096"#,
        r#"hls.segment = "soon" (flag --hls-segment): must be a duration from 500ms to 10s"#,
        r#"hls.window = "an array" (file s.toml:3): must be a whole number from 3 to 60"#,
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
}

#[test]
fn a_mistake_in_a_weaker_place_is_told_too() {
    let told = told(&mistakes(
        &["--hls-window", "6"],
        &[("HLS_WINDOW", "x")],
        None,
    ));
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with(r#"hls.window = "x" (env HLS_WINDOW)"#),
        "{told:?}"
    );
}

#[test]
fn settings_that_contradict_each_other() {
    let env = [
        ("SOURCE_BACKOFF_MIN", "1m"),
        ("FEED_LAG_BYTES", "32MiB"),
        ("TRANSCODE_QUALITY_PROFILE", "ultra"),
        ("HTTP_MAX_BODY_BYTES", "1KiB"),
    ];
    let found = mistakes(&[], &env, None);
    let keys: Vec<_> = found.iter().map(|m| m.key.as_str()).collect();
    let expected = [
        "sources.backoff_min",
        "transcode.default_profile",
        "feed.lag_bytes",
        "http.max_json_bytes",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        found[1].to_string(),
        r#"transcode.default_profile = "ultra" (env TRANSCODE_QUALITY_PROFILE): must be a known profile: high, low, medium"#
    );
    // The other half of a pair is a default: the origin says so.
    assert_eq!(found[3].origin, Origin::Default);
    let env = [("HLS_SESSION_TIMEOUT", "3s"), ("SHUTDOWN_TIMEOUT", "4s")];
    assert_eq!(mistakes(&[], &env, None).len(), 2);
}

#[test]
fn hints_know_sections_variables_and_flags() {
    for (file, hint) in [
        ("[sources]\nstal_timeout = 1\n", "sources.stall_timeout"),
        ("stall_timeout = 1\n", "sources.stall_timeout"),
        (
            "max_concurrent_transcodes = 1\n",
            "transcode.max_concurrent",
        ),
        ("MAX_SESSIONS = 1\n", "sessions.max_total"),
        ("[http]\npublic_url = 1\n", "http.playlist_base_url"),
        ("db = 1\n", "db_path"),
    ] {
        let told = told(&mistakes(&[], &[], Some(file)));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].ends_with(&format!("did you mean {hint}?")),
            "{told:?}"
        );
    }
    let told = told(&mistakes(&[], &[], Some("colour = 1\n")));
    assert!(told[0].ends_with("unknown key"), "{told:?}");
}

#[test]
fn profiles_change_and_add() {
    let file = "[transcode]\ndefault_profile = \"tiny\"\n\
        [profiles.low]\nvideo_bitrate_kbps = 800\nspeed_preset = \"superfast\"\n\
        [profiles.tiny]\nwidth = 320\nheight = 180\nvideo_bitrate_kbps = 300\n";
    let config = config(&[], &[], Some(file));
    let low = &config.transcode.profiles["low"];
    assert_eq!((low.width, low.video_bitrate_kbps), (720, 800));
    assert_eq!(low.speed_preset.as_str(), "superfast");
    let tiny = &config.transcode.profiles["tiny"];
    assert_eq!((tiny.name.as_str(), tiny.height), ("tiny", 180));
    assert_eq!(config.transcode.default_profile, "tiny");
}

#[test]
fn bad_profiles() {
    let file = "[profiles]\nx = 3\n[profiles.source]\nwidth = 320\n[profiles.'Bad Name']\n\
        [profiles.new]\nwidth = 320\nheigth = 180\n[profiles.low]\nspeed_preset = \"quick\"\n";
    let found = mistakes(&[], &[("TRANSCODE_QUALITY_PROFILE", "new")], Some(file));
    let told = told(&found);
    let expected = [
        "profiles.Bad Name (file s.toml:5): must be the name of a profile",
        "profiles.low.speed_preset = \"quick\" (file s.toml:10): must be one of ultrafast, ",
        "profiles.new.heigth = \"180\" (file s.toml:8): unknown key; did you mean height?",
        "profiles.new.height (file s.toml:6): is missing; ",
        "profiles.new.video_bitrate_kbps (file s.toml:6): is missing; ",
        "profiles.source (file s.toml:3): must be the name of a profile",
        "profiles.x (file s.toml:2): must be a table",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
    let table =
        |n| format!("[profiles.p{n}]\nwidth = 320\nheight = 180\nvideo_bitrate_kbps = 300\n");
    let many = (0..40).map(table).collect::<Vec<_>>().concat();
    assert_eq!(mistakes(&[], &[], Some(&many)).len(), 1);
}

#[test]
fn the_file_must_be_there_and_small() {
    let missing = mistakes(&["--config", "other.toml"], &[], None);
    assert_eq!(missing[0].origin, Origin::Flag("--config".to_owned()));
    let missing = mistakes(&["--hls-window", "1"], &[("CONFIG", "other.toml")], None);
    assert_eq!(missing.len(), 2, "the rest is still checked");
    assert_eq!(missing[0].origin, Origin::Env("CONFIG".to_owned()));
    let large = mistakes(&[], &[], Some(&"#".repeat(300_000)));
    assert!(large[0].problem.contains("at most"), "{large:?}");
}

#[cfg(unix)]
#[test]
fn values_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStringExt;
    let args = [
        b"sightglass".to_vec(),
        b"--db".to_vec(),
        b"\xff.redb".to_vec(),
    ];
    let result = parse_command(
        args.map(OsString::from_vec),
        &|_| None,
        &|_| Err(io::Error::from(io::ErrorKind::NotFound)),
        String::new(),
    );
    assert!(matches!(result, Err(CliError::Config(_))), "{result:?}");
}

#[test]
fn commands() {
    assert!(matches!(
        command(&["serve"], &[], None),
        Ok(Command::Serve(_))
    ));
    let both = config(
        &["--db", "a", "serve", "--listen", "127.0.0.1:0"],
        &[],
        None,
    );
    assert_eq!((both.db_path, both.listen.port()), (PathBuf::from("a"), 0));
    assert!(matches!(
        command(&["check-config"], &[], None),
        Ok(Command::CheckConfig { print: None, .. })
    ));
    for (args, text, code) in [
        (&["--version"][..], "1.2.3 with parts", 0),
        (&["--help"], "LISTEN_ADDR", 0),
        (&["serve", "--help"], "--hls-window", 0),
        (&["--lisen", "x"], "--listen", 2),
        (&["fly"], "fly", 2),
    ] {
        let Err(CliError::Usage(usage)) = command(args, &[], None) else {
            panic!("{args:?}");
        };
        assert!(usage.to_string().contains(text), "{args:?}: {usage}");
        assert_eq!(usage.exit_code(), code);
    }
    // Every setting is in the help.
    let Err(CliError::Usage(help)) = command(&["--help"], &[], None) else {
        panic!();
    };
    for setting in settings() {
        assert!(help.to_string().contains(&format!("--{}", setting.flag)));
    }
}
