import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The platform that the dev server passes calls on to.
const platform = process.env.TENFOLD_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  build: {
    manifest: true,
    // The content security policy allows no data: fonts, and one rule for all assets is simpler.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/v1": platform, "/healthz": platform, "/readyz": platform } },
});
