{
  description = "Sightglass: stream preview and monitoring server";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      eachSystem = lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
      ];
      # What `--version` tells; of a tree with changes, its parent.
      commit = self.rev or self.dirtyRev or null;
      packageFor = pkgs: pkgs.callPackage ./deploy/nix/package.nix { inherit commit; };
    in
    {
      packages = eachSystem (
        system:
        let
          sightglass = packageFor nixpkgs.legacyPackages.${system};
        in
        {
          inherit sightglass;
          default = sightglass;
          # Without x264, which is GPL: docs/licences.md.
          sightglass-without-gpl = sightglass.override { withGplPlugins = false; };
        }
      );

      # nix run . -- serve --demo
      apps = eachSystem (system: rec {
        default = sightglass;
        sightglass = {
          type = "app";
          program = lib.getExe self.packages.${system}.sightglass;
          meta.description = "Stream preview and monitoring server";
        };
      });

      overlays.default = final: _: { sightglass = packageFor final; };

      nixosModules = rec {
        default = sightglass;
        sightglass =
          { pkgs, ... }:
          {
            imports = [ ./deploy/nix/module.nix ];
            services.sightglass.package = lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.sightglass;
          };
      };

      devShells = eachSystem (
        system:
        let
          pkgs = nixpkgs.legacyPackages.${system};
        in
        {
          default = pkgs.callPackage ./deploy/nix/shell.nix {
            inherit (self.packages.${system}) sightglass;
          };
        }
      );

      checks = eachSystem (
        system:
        let
          pkgs = nixpkgs.legacyPackages.${system};
          inherit (self.packages.${system}) sightglass;
        in
        {
          # Builds it, and runs the tests that need neither network nor clips.
          inherit sightglass;
          fmt = sightglass.passthru.fmt;
          clippy = sightglass.passthru.clippy;
          vm-test = pkgs.testers.runNixOSTest (
            import ./deploy/nix/vm-test.nix { module = self.nixosModules.default; }
          );
        }
      );

      formatter = eachSystem (system: nixpkgs.legacyPackages.${system}.nixfmt-tree);
    };
}
