import { setPriority } from 'node:os';
import type { LinkShape } from './link-model.js';
import { ShapingProxy } from './shaping-proxy.js';

/** Arguments: the edge's port, and `all` for more than WebSockets. Speaks with its parent over IPC. */
const HIGHEST = -20;
try {
  // A link does not wait for a browser to give way.
  setPriority(HIGHEST);
} catch {
  // Not allowed: it competes like everybody else.
}

const proxy = await ShapingProxy.start({
  targetPort: Number(process.argv[2]),
  onlyWebSockets: process.argv[3] !== 'all',
});
process.on('message', ({ shape }: { shape?: LinkShape }) => proxy.setShape(shape));
process.on('disconnect', () => process.exit());
process.send?.(proxy.port);
