/** Pages that are written by hand, with parts of them made from code. */

/** The page with this text between the comments `<!-- name:begin -->` and `<!-- name:end -->`. */
export function withPart(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->\n`, `\n<!-- ${name}:end -->`];
  const [at, after] = [page.indexOf(begin), page.indexOf(end)];
  if (at < 0 || after < at) throw new Error(`the page needs the lines ${begin.trim()} and ${end.trim()}`);
  return page.slice(0, at + begin.length) + text + page.slice(after);
}
