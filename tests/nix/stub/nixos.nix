# A small stand-in for nixos/lib/eval-config.nix: the options a service module touches, with the real
# module system, and a renderer of systemd units.
{ lib, system ? null, modules ? [ ], specialArgs ? { }, pkgs ? null, ... }:
let
  inherit (lib) mkOption types;
  atom = types.nullOr (types.oneOf [ types.bool types.int types.float types.str types.path types.package ]);
  section = types.attrsOf (types.either atom (types.listOf atom));
  strs = mkOption { type = types.listOf types.str; default = [ ]; };
  unitBase = {
    description = mkOption { type = types.singleLineStr; default = ""; };
    documentation = strs; requires = strs; wants = strs; after = strs; before = strs; bindsTo = strs; partOf = strs;
    conflicts = strs; requiredBy = strs; wantedBy = strs; aliases = strs;
    unitConfig = mkOption { type = section; default = { }; };
    startLimitIntervalSec = mkOption { type = types.nullOr types.int; default = null; };
    startLimitBurst = mkOption { type = types.nullOr types.int; default = null; };
    onFailure = strs; onSuccess = strs;
    enable = mkOption { type = types.bool; default = true; };
    restartTriggers = mkOption { type = types.listOf types.unspecified; default = [ ]; };
    reloadTriggers = mkOption { type = types.listOf types.unspecified; default = [ ]; };
  };
  service = types.submodule {
    options = unitBase // {
      environment = mkOption { type = types.attrsOf (types.nullOr (types.oneOf [ types.str types.path types.package ])); default = { }; };
      path = mkOption { type = types.listOf (types.oneOf [ types.package types.str ]); default = [ ]; };
      serviceConfig = mkOption { type = section; default = { }; };
      script = mkOption { type = types.lines; default = ""; };
      preStart = mkOption { type = types.lines; default = ""; };
      postStart = mkOption { type = types.lines; default = ""; };
      reload = mkOption { type = types.lines; default = ""; };
      restartIfChanged = mkOption { type = types.bool; default = true; };
      reloadIfChanged = mkOption { type = types.bool; default = false; };
      stopIfChanged = mkOption { type = types.bool; default = true; };
      startAt = mkOption { type = types.either types.str (types.listOf types.str); default = [ ]; };
      confinement = mkOption { type = types.attrsOf types.unspecified; default = { }; };
    };
  };
  socket = types.submodule { options = unitBase // { socketConfig = mkOption { type = section; default = { }; }; listenStreams = strs; listenDatagrams = strs; }; };
  show = v: if v == true then "true" else if v == false then "false" else toString v;
  lines = s: lib.concatStrings (lib.mapAttrsToList (k: v: if v == null then "" else if lib.isList v then lib.concatMapStrings (x: "${k}=${show x}\n") v else "${k}=${show v}\n") s);
  ne = n: l: lib.optionalAttrs (l != [ ]) { ${n} = lib.concatStringsSep " " l; };
  unitSec = u: lib.optionalAttrs (u.description != "") { Description = u.description; }
    // ne "Requires" u.requires // ne "Wants" u.wants // ne "After" u.after // ne "Before" u.before // ne "BindsTo" u.bindsTo // ne "PartOf" u.partOf // ne "Conflicts" u.conflicts
    // lib.optionalAttrs (u.startLimitIntervalSec != null) { StartLimitIntervalSec = u.startLimitIntervalSec; }
    // lib.optionalAttrs (u.startLimitBurst != null) { StartLimitBurst = u.startLimitBurst; } // u.unitConfig;
  install = u: "[Install]\n" + lines (ne "WantedBy" u.wantedBy // ne "RequiredBy" u.requiredBy);
  render = _: u: "[Unit]\n" + lines (unitSec u) + "\n[Service]\n"
    + lib.concatStrings (lib.mapAttrsToList (k: v: lib.optionalString (v != null) "Environment=${builtins.toJSON "${k}=${toString v}"}\n") u.environment)
    + lines u.serviceConfig + "\n" + install u;
  renderSocket = _: u: "[Unit]\n" + lines (unitSec u) + "\n[Socket]\n" + lib.concatMapStrings (s: "ListenStream=${s}\n") u.listenStreams + lines u.socketConfig + "\n" + install u;
  anyAttrs = mkOption { type = types.attrsOf types.unspecified; default = { }; };
  ports = mkOption { type = types.listOf types.port; default = [ ]; };
  base = { config, ... }: {
    options = {
      assertions = mkOption { type = types.listOf types.unspecified; default = [ ]; };
      warnings = mkOption { type = types.listOf types.str; default = [ ]; };
      systemd.services = mkOption { type = types.attrsOf service; default = { }; };
      systemd.sockets = mkOption { type = types.attrsOf socket; default = { }; };
      systemd.packages = mkOption { type = types.listOf types.package; default = [ ]; };
      systemd.tmpfiles.rules = strs;
      systemd.tmpfiles.settings = anyAttrs;
      networking.firewall.enable = mkOption { type = types.bool; default = true; };
      networking.firewall.allowedTCPPorts = ports; networking.firewall.allowedUDPPorts = ports;
      networking.firewall.allowedUDPPortRanges = mkOption { type = types.listOf (types.attrsOf types.port); default = [ ]; };
      networking.hostName = mkOption { type = types.str; default = "nixos"; };
      users.users = anyAttrs; users.groups = anyAttrs;
      environment.systemPackages = mkOption { type = types.listOf types.package; default = [ ]; };
      environment.etc = anyAttrs;
      virtualisation = anyAttrs; boot = anyAttrs; fileSystems = anyAttrs;
      services.nginx = anyAttrs; services.postgresql = anyAttrs; services.etcd = anyAttrs; services.haproxy = anyAttrs; services.prometheus = anyAttrs; services.grafana = anyAttrs;
      system.stateVersion = mkOption { type = types.str; default = "26.05"; };
      standin.units = mkOption { type = types.attrsOf types.str; };
    };
    config.standin.units = lib.mapAttrs' (n: u: lib.nameValuePair "${n}.service" (render n u)) config.systemd.services
      // lib.mapAttrs' (n: u: lib.nameValuePair "${n}.socket" (renderSocket n u)) config.systemd.sockets;
  };
  e = lib.evalModules { modules = [ base { config._module.args = lib.optionalAttrs (pkgs != null) { pkgs = lib.mkForce pkgs; }; } ] ++ modules; inherit specialArgs; };
  failed = map (a: a.message) (lib.filter (a: !a.assertion) e.config.assertions);
in
if failed != [ ] then throw "Failed assertions:\n- ${lib.concatStringsSep "\n- " failed}" else e
