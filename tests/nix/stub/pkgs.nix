# Test double for nixpkgs' package set: every package is a tiny derivation; names not listed here fail.
{ lib, system }:
let
  drv = pname: version: a: let
      outputs = a.outputs or [ "out" ];
      d = derivation ({ name = "${pname}-${version}"; inherit system outputs; builder = "/bin/sh"; args = [ "-c" "for o in $outputs; do eval mkdir -p \\$$o; done" ]; }
        // lib.filterAttrs (_: v: v != null && !(lib.isFunction v)) (removeAttrs a [ "meta" "passthru" "outputs" "src" "cargoLock" "env" "fileset" ]) // (a.env or { }) // lib.optionalAttrs (a ? src) { src = "${a.src}"; });
      out = d // { inherit pname version; meta = { name = d.name; } // (a.meta or { }); passthru = a.passthru or { }; override = f: drv pname version (a // (if lib.isFunction f then f a else f)); overrideAttrs = f: drv pname version (a // (f a)); } // (a.passthru or { });
    in out;
  simple = n: drv n "0" { meta.mainProgram = n; };
  parse = f: let l = builtins.fromTOML (builtins.readFile f); bad = lib.filter (p: p ? source && lib.hasPrefix "registry" p.source && !(p ? checksum)) l.package; git = lib.filter (p: lib.hasPrefix "git+" (p.source or "")) l.package;
    in if bad != [ ] then throw "Cargo.lock: ${(lib.head bad).name} has no checksum" else { inherit git; n = lib.length l.package; };
  fix = f: let x = f x; in x;
in fix (pkgs: let callPackageWith = scope: f: a: let fn = if lib.isFunction f then f else import f; fa = builtins.functionArgs fn; in
      let made = fn (lib.mapAttrs (n: _: a.${n} or scope.${n} or (throw "callPackage: no package `${n}' in the stub; is it a nixpkgs name? then add it to pkgs.nix")) (lib.filterAttrs (n: hasDefault: !hasDefault || a ? ${n} || scope ? ${n}) fa)); in if lib.isAttrs made then made // { override = more: callPackageWith scope f (a // more); } else made;
  in lib.genAttrs [
    "pkg-config" "makeWrapper" "makeBinaryWrapper" "glib" "openssl" "clippy" "rustfmt" "rust-analyzer" "cargo" "rustc" "cargo-nextest" "cargo-deny" "nixfmt" "nixfmt-tree" "nodejs" "ffmpeg" "ffmpeg-headless"
    "curl" "jq" "srt" "libnice" "protobuf" "cmake" "clang" "gdb" "systemd" "tzdata" "cacert" "coreutils" "bash" "hello" "etcd" "haproxy" "wrapGAppsHook3" "wrapGAppsNoGuiHook" "orc" "libiconv" "zlib" "fontconfig" "dejavu_fonts" "sqlite" "python3" "git" "just" "nginx" "prometheus"
  ] simple // {
    inherit lib system;
    callPackage = callPackageWith pkgs; newScope = s: callPackageWith (pkgs // s);
    stdenv = { buildPlatform = { inherit system; canExecute = other: other.system == system; }; hostPlatform = { inherit system; isLinux = true; isDarwin = false; isx86_64 = system == "x86_64-linux"; isAarch64 = system == "aarch64-linux"; }; mkDerivation = a: drv a.pname a.version (removeAttrs a [ "pname" "version" ]); cc = simple "gcc"; };
    stdenvNoCC = pkgs.stdenv;
    gst_all_1 = lib.genAttrs [ "gst-plugins-base" "gst-plugins-good" "gst-plugins-bad" "gst-plugins-ugly" "gst-plugins-rs" "gst-rtsp-server" "gst-libav" "gst-devtools" "gst-editing-services" "gst-vaapi" ] (n: drv n "1.26.11" { outputs = [ "out" "dev" ]; buildInputs = [ (simple "ffmpeg-headless") ]; })
      // { gstreamer = drv "gstreamer" "1.26.11" { outputs = [ "bin" "out" "dev" ]; }; };
    rustPlatform = rec {
      bindgenHook = simple "rust-bindgen-hook"; cargoSetupHook = simple "cargo-setup-hook";
      buildRustPackage = fa: let a = if lib.isFunction fa then fa (a // { finalPackage = made; }) else fa; made = build a; in made;
      build = a: let lock = a.cargoLock.lockFile or (throw "no cargoLock.lockFile"); p = parse lock;
        missing = lib.filter (g: !((a.cargoLock.outputHashes or { }) ? "${g.name}-${g.version}")) p.git; in
        if missing != [ ] then throw "cargoLock.outputHashes has no entry for git crate ${(lib.head missing).name}" else
        drv a.pname a.version (removeAttrs a [ "pname" "version" "passthru" ] // { passthru = (a.passthru or { }) // { lockedPackages = p.n; }; });
    };
    # Each package of the lock file needs a place to come from, and a hash.
    importNpmLock = { npmConfigHook = simple "npm-config-hook"; __functor = _: { npmRoot, packageLock ? lib.importJSON (npmRoot + "/package-lock.json") }:
      let no = lib.filterAttrs (p: m: p != "" && !(m.link or false) && !(m ? resolved && m ? integrity)) packageLock.packages; in
      if no != { } then throw "package-lock.json: ${lib.head (lib.attrNames no)} has no address or no hash" else drv "npm-deps" "0" { lock = builtins.toJSON packageLock; }; };
    buildNpmPackage = a: drv a.pname a.version (removeAttrs a [ "pname" "version" ]);
    mkShell = a: drv (a.name or "nix-shell") "0" { buildInputs = (a.packages or [ ]) ++ (a.buildInputs or [ ]) ++ (a.inputsFrom or [ ]); shellHook = a.shellHook or ""; env = a.env or { }; };
    mkShellNoCC = pkgs.mkShell;
    writeText = n: t: builtins.toFile n (builtins.unsafeDiscardStringContext t); writeShellScript = n: t: pkgs.writeText n t; writeShellScriptBin = n: t: drv n "0" { text = t; meta.mainProgram = n; };
    writeShellApplication = a: drv a.name "0" { inherit (a) text; meta.mainProgram = a.name; };
    runCommand = n: env: s: drv n "0" (env // { buildCommand = s; }); runCommandLocal = pkgs.runCommand; linkFarm = n: _: simple n; symlinkJoin = a: drv a.name "0" { inherit (a) paths; };
    dockerTools = { buildLayeredImage = a: drv a.name "0" { config = builtins.toJSON (a.config or { }); contents = a.contents or [ ]; }; streamLayeredImage = pkgs.dockerTools.buildLayeredImage; buildImage = pkgs.dockerTools.buildLayeredImage; };
    formats = let f = _: { type = with lib.types; attrsOf anything; generate = n: v: pkgs.writeText n (builtins.toJSON v); }; in { toml = f; json = f; yaml = f; };
    testers.runNixOSTest = t0: let t = if lib.isFunction t0 then t0 { inherit lib pkgs; } else if builtins.isPath t0 then import t0 { inherit lib pkgs; } else t0;
        nodes = lib.mapAttrs (_: m: import ./nixos.nix { inherit lib pkgs; modules = [ m ]; }) (t.nodes or { machine = t.nodes.machine; });
      in drv "vm-test-run-${t.name}" "0" { units = builtins.toJSON (lib.mapAttrs (_: n: n.config.standin.units) nodes); script = if lib.isFunction t.testScript then t.testScript { inherit nodes; } else t.testScript; };
    nixosTest = pkgs.testers.runNixOSTest;
    extend = _: pkgs;
  })
