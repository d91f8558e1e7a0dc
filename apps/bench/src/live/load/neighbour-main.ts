/** Another program that wants the edge's core, always; it ends with its parent. */
const SPIN_MS = 20;

function spin(): void {
  const untilMs = performance.now() + SPIN_MS;
  while (performance.now() < untilMs) {
    // That is all it does.
  }
  setImmediate(spin);
}

process.on('disconnect', () => process.exit());
spin();
