import { defineConfig } from "vitest/config";

export default defineConfig({
  // The server puts its base path into <base>; whatever the build names is relative to that.
  base: "./",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    target: "es2022",
    // Nothing may be inlined as data: what the policy lets in are files of our own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 700,
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
