# A machine with the module: the service starts, plays, is watched over, and stops. `nix flake check` runs it.
{ module }:
{
  name = "sightglass";

  nodes = {
    machine =
      { pkgs, ... }:
      {
        imports = [ module ];
        services.sightglass = {
          enable = true;
          openFirewall = true;
          watchdog = "10s";
          settings = {
            listen = "127.0.0.1:8080";
            demo = true;
            transcode.max_concurrent = 1;
          };
          credentials.SMTP_PASSWORD = "/etc/smtp-password";
          adminPasswordFile = "/etc/admin-password";
          prometheus.enable = true;
        };
        environment.etc."smtp-password".text = "not a secret";
        environment.etc."admin-password".text = "not a secret either";
        environment.systemPackages = [
          pkgs.curl
          pkgs.ffmpeg-headless
        ];
        virtualisation.cores = 2;
        virtualisation.memorySize = 2048;
      };

    # The port is systemd's.
    activated = {
      imports = [ module ];
      services.sightglass = {
        enable = true;
        socketActivation = true;
        settings.listen = "127.0.0.1:80";
      };
    };
  };

  testScript = ''
    start_all()

    with subtest("ready when systemd says so, and not before"):
        machine.wait_for_unit("sightglass.service")
        machine.succeed("curl -sf http://127.0.0.1:8080/readyz")
        machine.succeed("systemctl show -p StatusText sightglass | grep streams")

    with subtest("nobody is let in who does not say who they are"):
        machine.fail("curl -sf http://127.0.0.1:8080/api/v1/streams")
        machine.succeed("curl -sf -u 'admin:not a secret either' http://127.0.0.1:8080/api/v1/streams")

    with subtest("what decodes is confined"):
        machine.succeed("curl -sf http://127.0.0.1:8080/health | grep '\"seccomp\":\"on\"'")

    with subtest("the plugins are found"):
        machine.succeed("sightglass --version | grep -i x264")
        machine.succeed(
            "ffprobe -v error -read_intervals %+2 -show_entries stream=codec_name "
            "'http://admin:not%20a%20secret%20either@127.0.0.1:8080/streams/preview/test-ball?quality=low' | grep h264"
        )

    with subtest("a test picture is scraped"):
        machine.wait_for_unit("prometheus.service")
        machine.wait_until_succeeds(
            "curl -sf 'http://127.0.0.1:9090/api/v1/query?query=up%7Bjob=%22sightglass%22%7D' | grep '\"1\"'"
        )

    with subtest("what hangs is started again"):
        pid = machine.succeed("systemctl show -p MainPID --value sightglass").strip()
        machine.succeed(f"kill -STOP {pid}")
        machine.wait_until_succeeds(
            f"test $(systemctl show -p MainPID --value sightglass) -ne {pid} && curl -sf http://127.0.0.1:8080/readyz"
        )

    with subtest("little can be reached from inside"):
        machine.succeed("systemd-analyze security --threshold=20 sightglass.service")

    with subtest("it stops cleanly"):
        machine.succeed("systemctl stop sightglass")
        machine.succeed("test $(systemctl show -p Result --value sightglass) = success")

    with subtest("connections wait while the service restarts"):
        activated.wait_for_unit("sightglass.service")
        activated.succeed("systemctl stop sightglass.service")
        activated.succeed("curl -sf http://127.0.0.1/readyz")
  '';
}
