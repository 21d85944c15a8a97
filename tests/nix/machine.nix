# Machines with the module, evaluated against the stub: what the tests look at.
{
  system ? "x86_64-linux",
}:
let
  lib = import ./stub/lib.nix;
  stub = import ./stub/pkgs.nix { inherit lib system; };
  pkgs = stub // {
    sightglass = stub.callPackage ../../deploy/nix/package.nix { };
  };
  machine =
    settings:
    let
      inherit
        (import ./stub/nixos.nix {
          inherit lib pkgs;
          modules = [
            ../../deploy/nix/module.nix
            { services.sightglass = settings // { enable = true; }; }
          ];
        })
        config
        ;
    in
    {
      units = config.standin.units;
      service = config.systemd.services.sightglass.serviceConfig;
      tcp = config.networking.firewall.allowedTCPPorts;
      udp = config.networking.firewall.allowedUDPPorts;
      inherit (config.boot.kernel) sysctl;
      prometheus = config.services.prometheus or { };
      grafana = config.services.grafana or { };
    };
in
{
  plain = machine { };

  full = machine {
    checkConfig = false;
    openFirewall = true;
    openUDPPorts = [ 5000 ];
    socketActivation = true;
    prometheus.enable = true;
    prometheus.streamRules = false;
    grafana.enable = true;
    credentials = {
      SMTP_PASSWORD = "/run/keys/smtp";
      provider = "/run/keys/provider";
    };
    adminPasswordFile = "/run/keys/admin";
    environmentFile = "/run/keys/env";
    settings = {
      listen = "127.0.0.1:9123";
      environment = "staging";
      shutdown_timeout = "20s";
      sources = {
        allow_private = false;
        allow_multicast = true;
        allow_listen = true;
        allow_cidrs = [ "127.0.0.0/8" ];
        deny_cidrs = [ "10.0.0.0/8" ];
        media_dir = "/srv/media";
        stall_timeout = "20s";
      };
      transcode = {
        max_concurrent = 6;
        threads = 1;
        default_profile = "low";
      };
      limits = {
        memory_warning = "1GB";
        memory_critical = "2GB";
        pipeline_memory = "256MiB";
      };
      monitor = {
        mode = "continuous";
        interval = "1m";
        history_age = "30d";
        history_bytes = "500MB";
      };
      log.level = "info,sightglass::ingest=debug";
      hls.window = 5;
      profiles.low.video_bitrate_kbps = 600;
    };
  };

  # Each is refused when it is evaluated.
  wrongType = machine { settings.limits.memory_warning = "lots"; };
  wrongMode = machine { settings.monitor.mode = "sometimes"; };
  readableSecret = machine { settings.email.password = "hunter2"; };
}
