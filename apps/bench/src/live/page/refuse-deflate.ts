let isRefused = false;

/**
 * Has the client believe that the edge does not inflate. Deflated sizes of the activations of untrained networks are not
 * those of trained ones, so over these networks arms with deflate would be compared by sizes that nobody will meet.
 */
export function refuseDeflate(): void {
  if (isRefused) return;
  isRefused = true;
  const Plain = globalThis.WebSocket;
  globalThis.WebSocket = class extends Plain {
    override set onmessage(listener: ((this: WebSocket, event: MessageEvent) => unknown) | null) {
      super.onmessage = listener && ((event) => listener.call(this, withoutDeflate(event)));
    }
  };
}

function withoutDeflate(event: MessageEvent): MessageEvent {
  if (typeof event.data !== 'string' || !event.data.startsWith('{"type":"welcome"')) return event;
  return new MessageEvent('message', { data: event.data.replace(/,"deflate"|"deflate",?/, '') });
}
