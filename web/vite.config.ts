import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { compress } from './compress.ts';

// The appliance that `npm run dev` asks: FCR_APPLIANCE=https://host:8443.
const appliance = process.env['FCR_APPLIANCE'] ?? 'https://127.0.0.1:8443';

export default defineConfig({
  plugins: [react(), compress()],
  build: {
    target: 'es2022',
    // Nothing is inlined as data: the policy of the page allows files of the appliance only.
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Two chunks that every page needs and that change rarely, so that browsers keep them over updates.
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules\/(react|react-dom|scheduler)\//, priority: 2 },
            { name: 'chart', test: /node_modules\/uplot\//, priority: 2 },
          ],
        },
      },
    },
  },
  server: {
    proxy: { '/api': { target: appliance, secure: false, ws: true, changeOrigin: true, rewriteWsOrigin: true } },
    watch: { ignored: ['**/e2e/**', '**/dist/**'] },
  },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.{ts,tsx}'], environment: 'node' } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.e2e.ts'],
          globalSetup: ['e2e/setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // One appliance and one browser, used by one test after the other.
          fileParallelism: false,
          maxWorkers: 1,
          isolate: false,
        },
      },
    ],
  },
});
