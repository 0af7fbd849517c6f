/**
 * The data of each server-sent event of a stream.
 *
 * The stream is read by `fetch` and not by `EventSource`, so that it goes through the host's `api.fetch`: it carries the
 * session, and ends when the page is left.
 */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let line = "";
  let data: string[] = [];
  try {
    for (;;) {
      // One piece after the other is the point of a stream.
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (line + decoder.decode(value, { stream: true })).split("\n");
      line = lines.pop() ?? "";
      for (const ended of lines) {
        const text = ended.endsWith("\r") ? ended.slice(0, -1) : ended;
        if (text.startsWith("data:")) {
          data.push(text.slice(text.startsWith("data: ") ? 6 : 5));
        } else if (text === "" && data.length > 0) {
          yield data.join("\n");
          data = [];
        }
      }
    }
  } finally {
    // Whoever stops reading ends the request. An error was told by `read` already.
    await reader.cancel().catch(() => undefined);
  }
}
