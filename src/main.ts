#!/usr/bin/env -S node --max-semi-space-size=2
import { run } from './cli/program.ts';

// A reader that has seen enough, such as `head`, is no failure of ours, and changes no exit code.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exit(await run(process.argv.slice(2)));
