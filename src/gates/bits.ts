/** Numbers of a saved gate, exact and short: the bits of floats in base64. */

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function bitsOf(floats: Float64Array | Float32Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)));
}

/** The float64 numbers of such a text; undefined for any other text. */
export function doublesOf(text: unknown): number[] | undefined {
  const bytes = bytesOf(text);
  return bytes === undefined || bytes.length % 8 !== 0 ? undefined : [...new Float64Array(bytes.buffer)];
}

/** The float32 numbers of such a text; undefined for any other text. */
export function singlesOf(text: unknown): number[] | undefined {
  const bytes = bytesOf(text);
  return bytes === undefined || bytes.length % 4 !== 0 ? undefined : [...new Float32Array(bytes.buffer)];
}

function bytesOf(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof text !== 'string' || !BASE64.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
