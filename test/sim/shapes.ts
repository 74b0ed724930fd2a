/** How every simulated Prometheus may answer, beside what each does of its own. Seeds go by this order. */
export const ANSWERS = ['whole', 'down', 'slow', 'empty', 'NaN', '+Inf', '-Inf', 'doubled'] as const;

/** What it says instead of a count. */
export const ODD: Readonly<Partial<Record<string, number>>> = {
  NaN: Number.NaN,
  '+Inf': Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};
