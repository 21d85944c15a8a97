# What building and testing need: nix develop.
{
  mkShell,
  sightglass,
  cargo,
  rustc,
  clippy,
  rustfmt,
  rust-analyzer,
  cargo-nextest,
  cargo-deny,
  ffmpeg,
  haproxy,
  nixfmt,
  nodejs,
}:
mkShell {
  inputsFrom = [ sightglass ];
  packages = [
    cargo
    rustc
    clippy
    rustfmt
    rust-analyzer
    cargo-nextest
    cargo-deny
    ffmpeg
    haproxy
    nixfmt
    nodejs
  ];
  env.GST_PLUGIN_SYSTEM_PATH_1_0 = sightglass.passthru.pluginPath;
  # jemalloc of a debug build is built without optimisation, which fortification does not allow.
  hardeningDisable = [ "fortify" ];
}
