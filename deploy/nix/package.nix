# The program with the GStreamer plugins that it needs, found without any set-up by who runs it.
{
  lib,
  rustPlatform,
  buildNpmPackage,
  importNpmLock,
  pkg-config,
  makeBinaryWrapper,
  clippy,
  rustfmt,
  glib,
  gst_all_1,
  tzdata,
  # What `--version` tells.
  commit ? null,
  # x264 and the like. Without them openh264 encodes: docs/licences.md.
  withGplPlugins ? true,
}:
let
  root = ../..;
  manifest = lib.importTOML (root + "/Cargo.toml");

  # The page. Its lock file has versions and hashes of all packages, but names no host: whoever builds with npm has a registry
  # of their own configured. Nix is told the one that everybody has.
  npmLock = lib.importJSON (root + "/web/package-lock.json");
  withUrl =
    path: module:
    let
      name = module.name or (lib.last (lib.splitString "node_modules/" path));
      file = lib.last (lib.splitString "/" name);
    in
    module
    // lib.optionalAttrs (path != "" && !(module ? resolved)) {
      resolved = "https://registry.npmjs.org/${name}/-/${file}-${module.version}.tgz";
    };
  page = buildNpmPackage {
    pname = "sightglass-page";
    inherit (manifest.package) version;
    src = lib.fileset.toSource {
      root = root + "/web";
      fileset = lib.fileset.difference (root + "/web") (
        lib.fileset.unions [
          (lib.fileset.maybeMissing (root + "/web/node_modules"))
          (lib.fileset.maybeMissing (root + "/web/dist"))
        ]
      );
    };
    npmDeps = importNpmLock {
      npmRoot = root + "/web";
      packageLock = npmLock // {
        packages = lib.mapAttrs withUrl npmLock.packages;
      };
    };
    inherit (importNpmLock) npmConfigHook;
    installPhase = "cp -r dist $out";
  };

  # FFmpeg, too, is GPL as it is usually built.
  withoutGpl =
    input:
    if lib.hasPrefix "ffmpeg" (input.pname or "") then input.override { withGPL = false; } else input;

  plugins = [
    # gstreamer itself brings queues and the like.
    gst_all_1.gstreamer
    gst_all_1.gst-plugins-base
    gst_all_1.gst-plugins-good
  ]
  ++ (
    if withGplPlugins then
      [
        gst_all_1.gst-plugins-bad
        gst_all_1.gst-plugins-ugly
        gst_all_1.gst-libav
      ]
    else
      [
        (gst_all_1.gst-plugins-bad.override { enableGplPlugins = false; })
        (gst_all_1.gst-libav.overrideAttrs (old: {
          buildInputs = map withoutGpl old.buildInputs;
        }))
      ]
  );
  pluginPath = lib.makeSearchPathOutput "lib" "lib/gstreamer-1.0" plugins;
in
rustPlatform.buildRustPackage (finalAttrs: {
  pname = "sightglass";
  inherit (manifest.package) version;

  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      (root + "/Cargo.toml")
      (root + "/Cargo.lock")
      (root + "/.clippy.toml")
      (root + "/build.rs")
      (root + "/src")
      (root + "/pipelines")
      (root + "/proptest-regressions")
      (root + "/tests")
      (root + "/benches")
      (root + "/deploy/grafana")
      (root + "/deploy/openh264")
      (root + "/deploy/prometheus")
      (root + "/docs/licences.md")
      (root + "/LICENSE-MIT")
      (root + "/LICENSE-APACHE")
    ];
  };

  # All crates come from the registry, so the lock file has the hashes.
  cargoLock.lockFile = root + "/Cargo.lock";

  nativeBuildInputs = [
    pkg-config
    makeBinaryWrapper
  ];
  buildInputs = [
    glib
    gst_all_1.gstreamer
    gst_all_1.gst-plugins-base
  ];

  env = {
    SIGHTGLASS_WEB = "${page}";
  }
  // lib.optionalAttrs (commit != null) { SIGHTGLASS_COMMIT = commit; };

  # Those of the pure parts and of the pipelines. What goes through the front door needs clips from the network: `make test`.
  cargoTestFlags = [ "--lib" ];
  preCheck = ''
    export GST_PLUGIN_SYSTEM_PATH_1_0=${pluginPath}
    export GST_REGISTRY=$TMPDIR/gstreamer.registry
    export TZDIR=${tzdata}/share/zoneinfo
  '';

  # Set, not added to: plugins of another GStreamer in the environment would not load. Who has plugins for this one names
  # them in GST_PLUGIN_PATH_1_0.
  postInstall = ''
    wrapProgram $out/bin/sightglass \
      --set GST_PLUGIN_SYSTEM_PATH_1_0 ${pluginPath} \
      --set-default TZDIR ${tzdata}/share/zoneinfo${
        lib.optionalString (
          !withGplPlugins
        ) " \\\n      --set-default PIPELINES_DIR $out/share/sightglass/openh264"
      }
    install -D -m 644 -t $out/share/doc/sightglass LICENSE-MIT LICENSE-APACHE docs/licences.md
    mkdir -p $out/share/sightglass
    cp -r deploy/grafana deploy/openh264 deploy/prometheus $out/share/sightglass
  '';

  passthru = {
    inherit page plugins pluginPath;
    # For `nix flake check`.
    fmt = finalAttrs.finalPackage.overrideAttrs (old: {
      pname = "sightglass-fmt";
      nativeBuildInputs = old.nativeBuildInputs ++ [ rustfmt ];
      buildPhase = "cargo fmt --check";
      doCheck = false;
      installPhase = "touch $out";
      postInstall = null;
    });
    clippy = finalAttrs.finalPackage.overrideAttrs (old: {
      pname = "sightglass-clippy";
      nativeBuildInputs = old.nativeBuildInputs ++ [ clippy ];
      # jemalloc is built without optimisation here, which fortification does not allow.
      hardeningDisable = [ "fortify" ];
      buildPhase = "cargo clippy --locked --offline --all-targets -- -D warnings";
      doCheck = false;
      installPhase = "touch $out";
      postInstall = null;
    });
  };

  meta = {
    description = "Stream preview and monitoring server: pulls each live stream once, serves previews, watches its health";
    homepage = manifest.package.repository;
    license = with lib.licenses; [
      mit
      asl20
    ];
    mainProgram = "sightglass";
    platforms = lib.platforms.linux;
  };
})
