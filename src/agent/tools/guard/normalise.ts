/** Makes a command line comparable: what a terminal would hide or Unicode would disguise is taken out. */

// CSI, OSC (ended by BEL or ST) and two-character escapes. Every part is bounded or excludes its own terminator.
const escapes =
  /\u001b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\u001b\][^\u0007\u001b]{0,4096}(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]|\u009b[0-?]{0,64}[@-~]/g;
const invisible = /[\0\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;

/** Terminal escape sequences removed, everything else as it was. */
export function stripAnsi(text: string): string {
  return text.includes('\u001b') || text.includes('\u009b') ? text.replace(escapes, '') : text;
}

/**
 * Order as agent-runtime §17.1: escapes, NUL and invisible characters out, NFKC. Case is kept, because
 * `git branch -D` and `-d` differ; rules fold it where it does not matter. `$IFS` counts as the space it is.
 */
export function normalise(command: string): string {
  return stripAnsi(command)
    .replace(invisible, '')
    .normalize('NFKC')
    .replace(/\\\r?\n/g, '')
    .replace(/\$\{IFS[^}]{0,32}\}|\$IFS(?:\$\d)?(?![a-z_0-9])/gi, ' ');
}
