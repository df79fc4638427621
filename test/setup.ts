import fc from 'fast-check';

// Properties try the same inputs in every run: a change that breaks one is told from luck. FAST_CHECK_SEED tries others.
fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 20261126) });
