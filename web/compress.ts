import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const compressible = new Set(['.html', '.js', '.css', '.svg', '.json', '.webmanifest', '.txt']);

/** Writes FILE.br and FILE.gz beside what compresses well, once at build time: the appliance only picks one. */
export function compress(): Plugin {
  let folder = '';
  return {
    name: 'compress',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      writeFileSync(join(folder, '.keep'), ''); // the folder is in git, with this file alone
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const path = join(folder, name);
        if (!compressible.has(extname(path)) || !statSync(path).isFile()) continue;
        const text = readFileSync(path);
        const smaller = (made: Buffer, suffix: string) => {
          if (made.length < text.length) writeFileSync(path + suffix, made);
        };
        smaller(brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }), '.br');
        smaller(gzipSync(text, { level: 9 }), '.gz');
      }
    },
  };
}
