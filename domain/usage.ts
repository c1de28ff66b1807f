/** Tokens of one request, counted alike for every provider. */
export interface Usage {
  /** All input, those read from and written to a prompt cache included. */
  input: number;
  /** Of `input`: read from a prompt cache. */
  cached: number;
  /** Of `input`: written to a prompt cache. */
  written: number;
  /** All output, reasoning included. */
  output: number;
  /** Of `output`: spent on reasoning. */
  reasoning: number;
}
