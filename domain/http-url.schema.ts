import { z } from 'zod';

export const HttpUrl = z
  .string()
  .regex(/^https?:\/\/[^/]/, 'expected a URL that begins with http:// or https://');
