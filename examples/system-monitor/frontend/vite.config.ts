import { defineConfig } from "vite";

// The bundle is one classic script. Each line here is needed for that.
export default defineConfig({
  // Library builds leave this expression in, and browsers do not have it.
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    target: "es2022",
    lib: {
      entry: "src/main.tsx",
      // The format wants a name; nothing is exported, so no global of that name appears.
      formats: ["iife"],
      name: "ToruSystemMonitor",
      fileName: () => "bundle.js",
    },
    // There is one file: no chunks to load later, and styles are imported as text (`?inline`).
    rolldownOptions: { output: { codeSplitting: false } },
    // `.gitignore` keeps the folder, which the plugin's build script watches.
    emptyOutDir: false,
    reportCompressedSize: true,
  },
});
