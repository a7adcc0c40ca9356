/**
 * Preloaded into every server that a test starts. A test run that dies, even of `kill -9`, closes the channel,
 * and the server goes with it.
 */
process.channel?.unref();
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
