/** Returns a name as the fields of a cell have it where its value is to stand. */
export const placeholder = (name: string): string => `$\{${name}}`;
