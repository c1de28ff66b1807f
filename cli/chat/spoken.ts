/** What of a reply is text for people, by the field it stands in. */
const shown: Record<string, string> = { idea: '', path: '── ', content: '', search: '', replace: '' };

/**
 * Returns a reply that is coming in as people can read it. That is the idea, and the files and changes as they
 * are written. It comes as JSON that is not whole yet; what it says may be cut anywhere.
 */
export function spoken(reply: string): string {
  const texts: string[] = [];
  let key: string | null = null;
  for (let at = reply.indexOf('{'); at >= 0 && at < reply.length; at += 1) {
    if (reply[at] !== '"') continue;
    const end = endOfText(reply, at + 1);
    const value = decoded(reply.slice(at + 1, end ?? reply.length));
    const rest = end === null ? '' : reply.slice(end + 1, end + 20).trimStart();
    if (end !== null && rest.startsWith(':')) key = value;
    else if (end !== null && rest === '' && key === null) break;
    else if (key !== null && Object.hasOwn(shown, key)) {
      const ends = end !== null && value !== '' ? '\n' : '';
      texts.push(
        value === ''
          ? ''
          : `${key === 'search' ? '-- in place of\n' : key === 'replace' ? '++ now\n' : shown[key]}${value}${ends}`,
      );
    }
    if (end === null) break;
    at = end;
    if (!rest.startsWith(':'))
      key = rest.startsWith(']') || rest.startsWith(',') || rest.startsWith('}') ? null : key;
  }
  return texts.join('');
}

/** Where the text that begins at `from` ends; null where it has not yet. */
function endOfText(reply: string, from: number): number | null {
  for (let at = from; at < reply.length; at += 1) {
    if (reply[at] === '\\') at += 1;
    else if (reply[at] === '"') return at;
  }
  return null;
}

/** The text without its escapes; one that was cut is left out. */
function decoded(text: string): string {
  const whole = text.replace(/\\(u[0-9a-fA-F]{0,3})?$/, (found) => (/^(\\\\)+$/.test(found) ? found : ''));
  try {
    return String(JSON.parse(`"${whole}"`));
  } catch {
    return whole;
  }
}
