type Environment = Record<string, string | undefined>;

/** A larger picture is told by its path alone. */
const mostBytes = 8 * 2 ** 20;
const chunk = 4096;

/** How a terminal shows pictures: as kitty's protocol says, or as iTerm's; null where it does not. */
export function picturesOf(environment: Environment, isTerminal: boolean): 'kitty' | 'iterm' | null {
  // What stands between passes neither on.
  if (!isTerminal || environment.TMUX !== undefined || environment.STY !== undefined) return null;
  const { TERM = '', TERM_PROGRAM = '', KITTY_WINDOW_ID } = environment;
  if (KITTY_WINDOW_ID !== undefined || TERM === 'xterm-kitty' || TERM_PROGRAM === 'ghostty') return 'kitty';
  return TERM_PROGRAM === 'iTerm.app' || TERM_PROGRAM === 'WezTerm' ? 'iterm' : null;
}

/** Returns what makes the terminal show a picture; null where it cannot. kitty takes PNG alone. */
export function pictureText(how: 'kitty' | 'iterm' | null, path: string, bytes: Buffer): string | null {
  const isPng = bytes.subarray(0, 8).toString('latin1') === '\u0089PNG\r\n\u001a\n';
  if (how === null || bytes.length > mostBytes || (how === 'kitty' && !isPng)) return null;
  const data = bytes.toString('base64');
  if (how === 'iterm')
    return `\u001b]1337;File=name=${Buffer.from(path).toString('base64')};size=${bytes.length};inline=1:${data}\u0007\n`;
  const parts = data.match(new RegExp(`.{1,${chunk}}`, 'g')) ?? [];
  return `${parts
    .map((part, index) => {
      const more = index < parts.length - 1 ? 1 : 0;
      return `\u001b_G${index === 0 ? `a=T,f=100,m=${more}` : `m=${more}`};${part}\u001b\\`;
    })
    .join('')}\n`;
}

export const isPicture = (path: string): boolean => /\.(png|jpe?g|gif)$/i.test(path);
