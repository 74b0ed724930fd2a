import type { Sample } from './objects.ts';

/** A mistake, and what its maker reads. */
export interface BadObject {
  name: string;
  because: string;
  object: Sample;
  /** The API server's answer, after the name of the object. */
  refused: string;
  /** What reading says of the same object; left out where only the API server can see the mistake. */
  read?: { field: string; message: string };
}
