#!/usr/bin/env -S node --max-semi-space-size=2
import { run } from './cli/program.ts';

// A reader that has seen enough, such as `head`, is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exit(await run(process.argv.slice(2)));
