# services.sightglass: the server as a hardened systemd service. Its unit is deploy/systemd/sightglass.service in Nix; a
# test holds the two together.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib)
    mkEnableOption
    mkIf
    mkMerge
    mkOption
    optional
    optionals
    types
    ;
  cfg = config.services.sightglass;
  toml = pkgs.formats.toml { };

  duration = types.strMatching "[0-9]+(ms|s|m|h|d)";
  size = types.strMatching "[0-9]+(kB|KiB|MB|MiB|GB|GiB)";
  nullable =
    type: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      inherit description;
    };

  # One level of sections. What is not said is left to the program's defaults.
  said =
    settings:
    lib.filterAttrs (_: value: value != null && value != { }) (
      lib.mapAttrs (
        _: value: if lib.isAttrs value then lib.filterAttrs (_: inner: inner != null) value else value
      ) settings
    );
  configFile = toml.generate "sightglass.toml" (said cfg.settings);
  # Every mistake is told when the system is built, not when the service starts.
  checked = pkgs.runCommand "sightglass-checked.toml" { } ''
    ${lib.getExe cfg.package} check-config --config ${configFile}
    cp ${configFile} $out
  '';

  port = lib.toInt (lib.last (lib.splitString ":" cfg.settings.listen));
in
{
  options.services.sightglass = {
    enable = mkEnableOption "Sightglass, a stream preview and monitoring server";

    package = lib.mkPackageOption pkgs "sightglass" { };

    settings = mkOption {
      description = ''
        What is written to the configuration file; `sightglass serve --help` lists all settings. Secrets do not
        belong here, as the Nix store is readable by all: see {option}`services.sightglass.credentials`.
      '';
      default = { };
      example = lib.literalExpression ''
        {
          listen = "127.0.0.1:8080";
          transcode.max_concurrent = 6;
          monitor.mode = "continuous";
          profiles.low.video_bitrate_kbps = 600;
        }
      '';
      type = types.submodule {
        freeformType = toml.type;
        options = {
          listen = mkOption {
            type = types.strMatching ".+:[0-9]+";
            default = "127.0.0.1:8080";
            description = "Address and port to serve on.";
          };
          db_path = mkOption {
            type = types.path;
            default = "/var/lib/sightglass/sightglass.redb";
            description = "File of the stream definitions and the history.";
          };
          environment = nullable types.str "Name of this installation, as /health reports it.";
          shutdown_timeout = mkOption {
            type = duration;
            default = "25s";
            description = "From the signal to stop until the exit is forced; at most 30 s.";
          };
          auth = mkOption {
            description = "Who is let in.";
            default = { };
            type = types.submodule {
              freeformType = toml.type;
              options = {
                mode = mkOption {
                  type = types.enum [
                    "required"
                    "auto"
                  ];
                  default = "required";
                  description = ''
                    Whether everybody must say who they are: from the first start on, or as soon as there is a user or a
                    token. Without {option}`services.sightglass.adminPasswordFile` the first start tells a one-time token
                    in the journal, which makes the first administrator.
                  '';
                };
                metrics_access = nullable (types.enum [
                  "auto"
                  "public"
                  "token"
                ]) "Who may see /metrics and /health; auto is anybody while only loopback is listened on.";
              };
            };
          };
          sources = mkOption {
            description = "Where streams are pulled from, and how patiently.";
            default = { };
            type = types.submodule {
              freeformType = toml.type;
              options = {
                allow_private = nullable types.bool "Sources may use private addresses.";
                allow_multicast = nullable types.bool "Sources may be multicast groups.";
                allow_listen = nullable types.bool "Sources may send to a port of this server.";
                allow_cidrs = nullable (types.listOf types.str) "Address ranges that sources may use besides.";
                deny_cidrs = nullable (types.listOf types.str) "Address ranges that sources may never use.";
                media_dir = nullable types.path "Folder whose files may be sources.";
              };
            };
          };
          transcode = mkOption {
            description = "Encoding: how much at a time and in what qualities.";
            default = { };
            type = types.submodule {
              freeformType = toml.type;
              options = {
                max_concurrent = nullable (types.ints.between 0 256) "Transcodes that run at a time.";
                threads = nullable (types.ints.between 1 32) "Encoder threads of each transcode.";
                default_profile = nullable types.str "Profile of a transcode whose request names none.";
              };
            };
          };
          limits = mkOption {
            description = "How much memory and CPU pipelines may take.";
            default = { };
            type = types.submodule {
              freeformType = toml.type;
              options = {
                memory_warning = nullable size "Memory above which idle pipelines end and new ones wait.";
                memory_critical = nullable size "Memory above which the least wanted pipelines are ended.";
                pipeline_memory = nullable size "Memory above which a pipeline is ended.";
              };
            };
          };
          monitor = mkOption {
            description = "How streams are watched, and what is kept of it.";
            default = { };
            type = types.submodule {
              freeformType = toml.type;
              options = {
                mode = nullable (types.enum [
                  "continuous"
                  "sampled"
                  "off"
                ]) "How closely streams are watched that do not say it.";
                interval = nullable duration "Time between two looks at a sampled stream.";
                history_age = nullable duration "Events and minutes older than this are removed.";
                history_bytes = nullable size "Most bytes of history that are kept.";
              };
            };
          };
          log = mkOption {
            description = "Logging.";
            default = { };
            type = types.submodule {
              freeformType = toml.type;
              options = {
                level = nullable types.str "Which levels are logged, by target.";
                format = mkOption {
                  type = types.enum [
                    "json"
                    "pretty"
                    "auto"
                  ];
                  default = "json";
                  description = "Form of a log line.";
                };
              };
            };
          };
        };
      };
    };

    checkConfig = mkOption {
      type = types.bool;
      default = pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform;
      defaultText = lib.literalExpression "whether the program runs on the machine that builds";
      description = "Run `sightglass check-config` on the settings when the system is built.";
    };

    credentials = mkOption {
      type = types.attrsOf types.path;
      default = { };
      example = {
        SMTP_PASSWORD = "/run/keys/smtp-password";
      };
      description = ''
        Files that hold secrets, by name. They are handed to the service by systemd (`LoadCredential`), so only root
        need be able to read them. One that has the name of a setting's environment variable is the value of that
        setting; others are for accounts of providers, which name them.
      '';
    };

    adminPasswordFile = nullable types.path "File with the password of the first administrator, `admin`, who is added while there is no user; only root need be able to read it.";

    environmentFile = nullable types.path "File of further environment variables, for systemd's `EnvironmentFile`.";

    socketActivation = mkEnableOption ''
      the socket unit: systemd holds the port, so that connections wait instead of being refused while the service
      restarts, and ports below 1024 need no privilege'';

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Open the port of {option}`services.sightglass.settings.listen`.";
    };

    openUDPPorts = mkOption {
      type = types.listOf types.port;
      default = [ ];
      description = "UDP ports to open: for sources that send to this server (udp, rtp, srt).";
    };

    multicastMemberships = mkOption {
      type = types.nullOr types.ints.positive;
      default = 1024;
      description = ''
        How many multicast groups a socket owner may be in (`net.ipv4.igmp_max_memberships`; the kernel allows 20).
        Null leaves it as it is.
      '';
    };

    receiveBuffer = mkOption {
      type = types.nullOr types.ints.positive;
      default = 8 * 1024 * 1024;
      description = "Largest receive buffer of a socket, bytes (`net.core.rmem_max`), for UDP sources. Null leaves it as it is.";
    };

    watchdog = mkOption {
      type = types.strMatching "[0-9]+s";
      default = "30s";
      description = "Without a sign of progress for this long systemd restarts the service.";
    };

    prometheus.enable = mkEnableOption "a scrape job and rules in the Prometheus of this machine";
    prometheus.credentialsFile = nullable types.path "File with a token for metrics (`POST /api/v1/tokens` with the scope `metrics`) that Prometheus can read: for where more than loopback is listened on.";
    prometheus.streamRules = mkOption {
      type = types.bool;
      default = true;
      description = "Rules for the streams, of which Sightglass tells people by itself, too.";
    };
    grafana.enable = mkEnableOption "the dashboard and the data source in the Grafana of this machine";
  };

  config = mkIf cfg.enable (mkMerge [
    {
      assertions = [
        {
          assertion = lib.all (name: builtins.match "[A-Za-z0-9_.-]+" name != null) (lib.attrNames cfg.credentials);
          message = "services.sightglass.credentials: names have letters, digits, dots, hyphens and underscores only";
        }
        {
          assertion = !(cfg.settings ? email && cfg.settings.email ? password);
          message = "services.sightglass.settings.email.password would be readable by all: use services.sightglass.credentials.SMTP_PASSWORD";
        }
      ];

      systemd.services.sightglass = {
        description = "Sightglass, stream preview and monitoring server";
        documentation = [ "https://github.com/sightglass/sightglass" ];
        wantedBy = [ "multi-user.target" ];
        wants = [ "network-online.target" ];
        after = [ "network-online.target" ];
        # Gives up only when it cannot start at all; what fails now and then is started again.
        startLimitIntervalSec = 300;
        startLimitBurst = 10;
        environment = {
          # Found anew when the plugins change.
          GST_REGISTRY = "/var/cache/sightglass/gstreamer.registry";
        }
        // lib.optionalAttrs (cfg.adminPasswordFile != null) {
          AUTH_ADMIN_PASSWORD_FILE = "%d/admin-password";
        };
        serviceConfig = {
          Type = "notify";
          NotifyAccess = "main";
          ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
          ExecStart = "${lib.getExe cfg.package} serve --config ${if cfg.checkConfig then checked else configFile}";
          WatchdogSec = cfg.watchdog;
          Restart = "on-failure";
          RestartSec = "2s";
          TimeoutStartSec = "90s";
          # Longer than the longest shutdown_timeout.
          TimeoutStopSec = "40s";
          # A core dump holds credentials of sources.
          LimitCORE = 0;
          LimitNOFILE = 524288;
          TasksMax = 16384;
          OOMPolicy = "stop";

          DynamicUser = true;
          StateDirectory = "sightglass";
          StateDirectoryMode = "0700";
          CacheDirectory = "sightglass";
          CacheDirectoryMode = "0700";
          UMask = "0077";

          CapabilityBoundingSet = "";
          AmbientCapabilities = "";
          NoNewPrivileges = true;
          LockPersonality = true;
          # orc compiles its inner loops at run time.
          MemoryDenyWriteExecute = false;
          PrivateDevices = true;
          PrivateTmp = true;
          PrivateUsers = true;
          ProtectClock = true;
          ProtectControlGroups = true;
          ProtectHome = true;
          ProtectHostname = true;
          ProtectKernelLogs = true;
          ProtectKernelModules = true;
          ProtectKernelTunables = true;
          ProtectProc = "invisible";
          ProtectSystem = "strict";
          RemoveIPC = true;
          RestrictAddressFamilies = [
            "AF_INET"
            "AF_INET6"
            "AF_UNIX"
          ];
          RestrictNamespaces = true;
          RestrictRealtime = true;
          RestrictSUIDSGID = true;
          SystemCallArchitectures = "native";
          SystemCallErrorNumber = "EPERM";
          SystemCallFilter = [
            "@system-service"
            "~@privileged @resources"
            # Memory by pipeline is read with mincore; the program confines itself with the others.
            "mincore landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp"
          ];

          LoadCredential =
            lib.mapAttrsToList (name: file: "${name}:${file}") cfg.credentials
            ++ optional (cfg.adminPasswordFile != null) "admin-password:${cfg.adminPasswordFile}";
          EnvironmentFile = optional (cfg.environmentFile != null) cfg.environmentFile;
        }
        # Folders of media lie where it pleases the operator, also in a home.
        // lib.optionalAttrs (cfg.settings.sources.media_dir != null) {
          BindReadOnlyPaths = [ cfg.settings.sources.media_dir ];
        };
      };

      environment.systemPackages = [ cfg.package ];

      networking.firewall.allowedTCPPorts = optionals cfg.openFirewall [ port ];
      networking.firewall.allowedUDPPorts = cfg.openUDPPorts;

      boot.kernel.sysctl =
        lib.optionalAttrs (cfg.multicastMemberships != null) {
          "net.ipv4.igmp_max_memberships" = lib.mkDefault cfg.multicastMemberships;
        }
        // lib.optionalAttrs (cfg.receiveBuffer != null) {
          "net.core.rmem_max" = lib.mkDefault cfg.receiveBuffer;
        };
    }

    (mkIf cfg.socketActivation {
      systemd.sockets.sightglass = {
        description = "Port of Sightglass";
        wantedBy = [ "sockets.target" ];
        listenStreams = [ cfg.settings.listen ];
        socketConfig = {
          NoDelay = true;
          Backlog = 4096;
        };
      };
      systemd.services.sightglass.requires = [ "sightglass.socket" ];
      systemd.services.sightglass.after = [ "sightglass.socket" ];
    })

    (mkIf cfg.prometheus.enable {
      services.prometheus = {
        enable = lib.mkDefault true;
        scrapeConfigs = [
          (
            {
              job_name = "sightglass";
              static_configs = [
                {
                  targets = [ "127.0.0.1:${toString port}" ];
                  labels.site = config.networking.hostName;
                }
              ];
              sample_limit = 50000;
            }
            // lib.optionalAttrs (cfg.prometheus.credentialsFile != null) {
              authorization.credentials_file = cfg.prometheus.credentialsFile;
            }
          )
        ];
        ruleFiles = [
          ../prometheus/rules/recording.yml
          ../prometheus/rules/server.yml
        ]
        ++ optional cfg.prometheus.streamRules ../prometheus/rules/streams.yml;
      };
    })

    (mkIf cfg.grafana.enable {
      services.grafana = {
        enable = lib.mkDefault true;
        provision = {
          enable = true;
          datasources.settings.datasources = [
            {
              name = "Prometheus";
              uid = "sightglass-prometheus";
              type = "prometheus";
              access = "proxy";
              url = "http://127.0.0.1:9090";
              jsonData.httpMethod = "POST";
              jsonData.timeInterval = "15s";
            }
          ];
          dashboards.settings.providers = [
            {
              name = "sightglass";
              type = "file";
              folder = "Sightglass";
              options.path = ../grafana/dashboards;
            }
          ];
        };
      };
    })
  ]);
}
