// One classic script (no module): the same file runs from a web server and, inlined, from a USB stick.
import { defineConfig } from 'vite';

export default defineConfig({
  publicDir: 'public',
  build: {
    outDir: process.env.TWIN_WEB_OUT ?? '../../view/web/static',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    reportCompressedSize: false,
    cssCodeSplit: false,
    lib: { entry: 'src/main.ts', name: 'twinView', formats: ['iife'], fileName: () => 'assets/app.js', cssFileName: 'app' },
    rollupOptions: { output: { assetFileNames: 'assets/[name][extname]' } },
  },
});
