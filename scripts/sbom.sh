#!/usr/bin/env bash
# Writes target/sightglass.cdx.json, a software bill of materials (CycloneDX 1.5) of what is built into the program.
#
#   scripts/sbom.sh CARGO_CYCLONEDX
#
# What GStreamer brings at run time belongs to the system: `sightglass --version`, and the system's own list of packages.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TOOL="$1"
# The tool writes beside Cargo.toml.
"$TOOL" cyclonedx --format json --spec-version 1.5 --override-filename sightglass-sbom --target x86_64-unknown-linux-gnu
mkdir -p target
mv sightglass-sbom.json target/sightglass.cdx.json
echo "sbom: target/sightglass.cdx.json"
