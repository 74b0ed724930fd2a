/**
 * Reads server-sent events from a fetch: EventSource cannot carry an Authorization header. Only `data` lines matter
 * here, for the stream has one kind of event.
 */
export async function readEvents(body: ReadableStream<Uint8Array>, told: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
      if (lines.length > 0) told(lines.join('\n'));
    }
  }
}
