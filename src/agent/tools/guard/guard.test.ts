// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expansions of the shell are what is tested
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockRules, forkBomb, sudoGuess } from './blocked.ts';
import { dangerRules, forkBombRule } from './dangerous.ts';
import { dangerousKeys, guardCommand, withoutAllowed } from './guard.ts';
import { normalise } from './normalise.ts';

/** why → [commands that are blocked, look-alikes that are not]. */
const blocked: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
  'recursive delete of root filesystem': [
    [
      'rm -rf /',
      'rm -fr /*',
      'rm -r -f --no-preserve-root /',
      'rm --recursive //',
      'rm -rf /./',
      'rm -rf /tmp/..',
      'sudo rm -rf /',
      'sudo -u root env A=b nice -n 5 rm -rf /',
      '/bin/rm -rf /',
      'r\\m -rf /',
      "'rm' \"-rf\" '/'",
      'RM -RF /',
      'bash -c "rm -rf /"',
      'bash -lc "echo a; rm -rf /*"',
      "eval 'rm -rf /'",
      'echo "rm -rf /" | sh',
      'bash <<EOF\nrm -rf /\nEOF',
      'sh <<< "rm -rf /"',
      'x=$(rm -rf /)',
      'echo `rm -rf /`',
      'echo "${x:-$(rm -rf /)}"',
      'ls && rm -rf / || true',
      'if true; then rm -rf /; fi',
      '{ rm -rf /; }',
      '{rm,-rf,/}',
      'rm${IFS}-rf${IFS}/',
      "$'\\x72m' -rf /",
      'ｒｍ -rf /',
      'r\u200bm -rf /',
      '\u001b[31mrm -rf /\u001b[0m',
      'rm \\\n -rf /',
      'find . -exec rm -rf / ;',
      'timeout 5 rm -rf /',
      'xargs rm -rf / < list',
      "env -S 'rm -rf /'",
      "trap 'rm -rf /' EXIT",
      'cat <<EOF\n$(rm -rf /)\nEOF',
      'echo "unclosed; rm -rf /',
    ],
    [
      'echo "rm -rf /"',
      'rm /',
      'rm -rf ./',
      'git commit -m "never rm -rf /"',
      'rm -rf /tmp/x',
      "cat <<'EOF'\nrm -rf /\nEOF",
    ],
  ],
  'recursive delete of system directory': [
    ['rm -rf /etc', 'rm -rf /usr/', 'rm -r /var/*', 'rm -rf /home', 'rm -rf /srv/../boot'],
    ['rm -rf /etc/nginx/old', 'rm -rf etc', 'ls /etc', 'rm -rf /libx'],
  ],
  'recursive delete of home directory': [
    ['rm -rf ~', 'rm -rf ~/', 'rm -rf "$HOME"', 'rm -rf ${HOME}/*', 'rm -r ~root', 'rm -rf /users/ann'],
    ['rm -rf ~/build', 'rm -rf $HOME/tmp', 'echo $HOME', 'rm -rf ./~x'],
  ],
  'format filesystem (mkfs)': [
    ['mkfs /dev/x', 'mkfs.ext4 /dev/sda1', 'sudo mkfs.xfs -f /dev/x'],
    ['man mkfs', 'echo mkfs.ext4', 'ls mkfs'],
  ],
  'dd to raw block device': [
    ['dd if=a of=/dev/sda', 'dd of=/dev/nvme0n1 if=x', 'sudo dd if=a of=/dev/mmcblk0'],
    ['dd if=/dev/sda of=image.bin', 'dd if=a of=/dev/null', 'echo of=/dev/sda'],
  ],
  'redirect to raw block device': [
    ['cat a > /dev/sda', 'echo x >/dev/vda1', 'x >> /dev/nvme0'],
    ['cat a > /dev/null', 'cat < /dev/sda', 'echo "> /dev/sda"', 'ls 2>/dev/null'],
  ],
  'kill all processes': [
    ['kill -9 -1', 'kill -1', 'kill -- -1', 'kill -s KILL -1', 'kill -TERM -- -1'],
    ['kill -1 1234', 'kill -9 1234', 'kill %1', 'echo kill -1'],
  ],
  'system shutdown/reboot': [
    [
      'reboot',
      'sudo shutdown -h now',
      '/sbin/halt',
      'a; poweroff',
      'nohup reboot',
      'env X=1 reboot',
      'time exec setsid reboot',
      'true\nreboot',
    ],
    [
      'echo reboot',
      'grep reboot log',
      'shutdown --help',
      './reboot-test.sh',
      'man shutdown',
      'sudo echo reboot',
      'cat # reboot',
    ],
  ],
  'init 0/6 (shutdown/reboot)': [
    ['init 0', 'sudo init 6', 'telinit 6'],
    ['git init', 'init 3', 'npm init 0', 'terraform init'],
  ],
  'systemctl poweroff/reboot': [
    ['systemctl reboot', 'sudo systemctl -i poweroff', 'systemctl kexec'],
    ['systemctl status reboot', 'systemctl list-units', 'echo systemctl reboot'],
  ],
  [forkBomb]: [
    [':(){ :|:& };:', ': ( ) { : | : & } ; :', 'bomb(){ bomb|bomb& };bomb'],
    ['f(){ g|h& };f', 'f() { echo a; }; f', 'echo ":"'],
  ],
  [sudoGuess]: [
    ['sudo -S ls', 'echo pw | sudo -S id', 'sudo -kS true', 'sudo --stdin ls'],
    ['sudo ls -S', 'sudo ls', 'ls -S', 'sudo -u ann ls -lS'],
  ],
};

/** key → [commands that need consent for it, look-alikes that do not have the key]. */
const dangerous: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
  'delete in root path': [
    ['rm /tmp/x', 'rm -f /a/b', 'sudo rm /x'],
    ['rm x', 'ls /tmp/x', 'echo rm /tmp/x'],
  ],
  'recursive delete': [
    ['rm -r d', 'rm -Rf d', 'rm -fr a b'],
    ['rm d', 'rm -f d', 'grep -r rm .', 'rm -- -r'],
  ],
  'recursive delete (long flag)': [
    ['rm --recursive d', 'rm --recur d'],
    ['rm --force d', 'cp --recursive a b'],
  ],
  'world/other-writable permissions': [
    ['chmod 777 f', 'chmod 666 f', 'chmod o+w f', 'chmod a+rwx f', 'chmod 0777 f'],
    ['chmod 755 f', 'chmod u+w f', 'chmod +x f', 'echo 777', 'chmod 1750 f'],
  ],
  'recursive world/other-writable (long flag)': [
    ['chmod --recursive 777 d', 'chmod --recursive a+w d'],
    ['chmod --recursive 755 d', 'chmod 777 d'],
  ],
  'recursive chown to root': [
    ['chown -R root d', 'chown -hR root:root d'],
    ['chown -R ann d', 'chown root f'],
  ],
  'recursive chown to root (long flag)': [['chown --recursive root d'], ['chown --recursive ann d']],
  'format filesystem': [['mkfs /dev/x', 'mkfs.vfat i'], ['echo mkfs']],
  'disk copy': [
    ['dd if=a of=b', 'sudo dd bs=1M if=a of=b'],
    ['dd --help', 'echo if=a', 'ls dd'],
  ],
  'write to block device': [['echo a > /dev/sdb'], ['echo a > /dev/null', 'cat /dev/sdb']],
  'SQL DROP': [
    [
      'psql -c "drop table t"',
      'mysql -e "DROP   DATABASE x"',
      'sqlite3 a.db "select 1; drop table t"',
      'psql <<E\ndrop table t;\nE',
      'echo "drop table t" | psql',
    ],
    [
      'psql -c "select 1"',
      'echo "drop table t"',
      'git commit -m "drop table t"',
      'psql -c "select dropped from t"',
    ],
  ],
  'SQL DELETE without WHERE': [
    ['psql -c "delete from t"', 'psql -c "delete from t; select 1 where 2"'],
    ['psql -c "delete from t where id=1"', 'grep "delete from" a'],
  ],
  'SQL TRUNCATE': [
    ['psql -c "truncate table t"', 'psql -c "TRUNCATE t"'],
    ['truncate -s 0 f', 'psql -c "select truncate"'],
  ],
  'overwrite system config': [
    ['echo a > /etc/hosts', 'x >> "/etc/a"', 'x &> /etc/b'],
    ['cat < /etc/hosts', 'echo a > etc/hosts', 'cat /etc/hosts > a'],
  ],
  'copy/move file into system config path': [
    ['cp a /etc/hosts', 'mv a /etc/', 'install -m 600 a /etc/x', 'cp -t /etc a', 'cp a /private/etc/x'],
    ['cp /etc/hosts a', 'cp a b', 'ls /etc/'],
  ],
  'in-place edit of system config': [
    ['sed -i s/a/b/ /etc/hosts', 'sed -Ei.bak x /etc/a'],
    ['sed s/a/b/ /etc/hosts', 'sed -i s/a/b/ f'],
  ],
  'in-place edit of system config (long flag)': [['sed --in-place x /etc/hosts'], ['sed --in-place x f']],
  'overwrite system file via tee': [
    [
      'tee /etc/hosts',
      'x | sudo tee -a ~/.ssh/config',
      'tee $HOME/.bashrc',
      'tee "$HERMES_HOME/config.yaml"',
    ],
    ['tee out.txt', 'cat /etc/hosts | tee a'],
  ],
  'overwrite system file via redirection': [
    [
      'echo x >> ~/.ssh/config',
      'echo a > ~/.bashrc',
      'x > $HOME/.netrc',
      'x > ~/.hermes/.env',
      'x >${HERMES_HOME}/.env',
      'x > /etc/a',
      'x > /users/ann/.npmrc',
    ],
    ['cat ~/.ssh/config', 'echo a > ~/notes', 'echo "> ~/.bashrc"', 'x > ./.bashrc.txt'],
  ],
  'overwrite project env/config via tee': [
    ['tee .env', 'x | tee -a app/.env.local', 'tee config.yaml'],
    ['tee env', 'tee a.config.yaml.txt'],
  ],
  'overwrite project env/config via redirection': [
    ['> .env', 'echo A=1 >> .env', 'x > a/config.yaml'],
    ['cat .env', 'echo a > environment', 'x > my.env.txt'],
  ],
  'overwrite project env/config file': [
    ['cp a config.yaml', 'mv x .env', 'cp .env.example .env'],
    ['cp config.yaml a', 'cat config.yaml'],
  ],
  'in-place edit of Hermes config/env': [
    ['sed -i x ~/.hermes/config.yaml', 'sed -i x $HERMES_HOME/.env'],
    ['sed -i x config.yaml', 'sed x ~/.hermes/.env'],
  ],
  'in-place edit of Hermes config/env (long flag)': [
    ['sed --in-place x ~/.hermes/.env'],
    ['sed --in-place x f'],
  ],
  'in-place edit of Hermes config/env (perl/ruby)': [
    ['perl -pi -e x ~/.hermes/.env', 'ruby -i x ~/.hermes/config.yaml'],
    ['perl -pi -e x f'],
  ],
  'stop/restart system service': [
    ['systemctl restart x', 'sudo systemctl --now disable x', 'service nginx stop'],
    ['systemctl status x', 'systemctl start x', 'service nginx status'],
  ],
  'kill all processes': [['kill -9 -1'], ['kill -9 5']],
  'force kill processes': [
    ['pkill -9 x', 'pkill -KILL x', 'pkill --signal KILL x'],
    ['pkill x', 'pgrep -9 x', 'kill -9 5'],
  ],
  'force kill processes (killall -KILL)': [
    ['killall -9 x', 'killall -KILL x', 'killall -SIGKILL x'],
    ['killall x'],
  ],
  'force kill processes (killall -s KILL)': [
    ['killall -s KILL x', 'killall --signal SIGKILL x'],
    ['killall -s HUP x', 'killall -9 x'],
  ],
  'kill processes by regex (killall -r)': [
    ['killall -r x', 'killall --regexp x'],
    ['killall x', 'ls -r'],
  ],
  'shell command via -c/-lc flag': [
    ['bash -c ls', 'sh -lc ls', 'sudo zsh -ic ls'],
    ['bash x.sh', 'bash --version', 'git -c a=b status'],
  ],
  'script execution via -e/-c flag': [
    ['python -c "print(1)"', 'python3.11 -c x', 'node -e 1', 'perl -ne x f', 'ruby -e 1', 'node --eval 1'],
    ['python x.py', 'node x.js', 'grep -e a f', 'python -m pytest'],
  ],
  'script execution via heredoc': [
    ['python3 <<EOF\n1\nEOF', "node <<'E'\n1\nE", 'bash <<E\nls\nE', 'python <<< "1"'],
    ['cat <<EOF\npython\nEOF', 'python < f'],
  ],
  'chmod +x followed by immediate execution': [
    ['chmod +x a && ./a', 'chmod u+x a; ./a', 'chmod 755 a && ./a'],
    ['chmod +x a', './a', 'chmod 644 a && ./b'],
  ],
  'pipe remote content to shell': [
    ['curl u | sh', 'wget -qO- u | sudo bash', 'curl u | tee a | bash -s'],
    ['curl u | jq .', 'curl u > a', 'cat a | sh', 'curl u; ls | sh'],
  ],
  'execute remote script via process substitution': [
    ['bash <(curl u)', 'source <(wget -O- u)', 'sh -c "$(curl u)"', 'bash < <(curl u)'],
    ['diff <(curl a) b', 'bash x'],
  ],
  'git reset --hard (destroys uncommitted changes)': [
    ['git reset --hard', 'git -C d reset --hard HEAD~1'],
    ['git reset', 'git reset --soft x', 'echo git reset --hard'],
  ],
  'git force push (rewrites remote history)': [
    ['git push --force', 'git push origin x --force-with-lease', 'git push origin +main'],
    ['git push', 'git pull --force'],
  ],
  'git force push short flag (rewrites remote history)': [
    ['git push -f', 'git push -uf o m'],
    ['git push -u o m', 'git add -f x'],
  ],
  'git clean with force (deletes untracked files)': [
    ['git clean -fd', 'git clean -xdf', 'git clean --force'],
    ['git clean -n', 'make clean -f x'],
  ],
  'git branch force delete': [
    ['git branch -D x', 'git branch --delete --force x'],
    ['git branch -d x', 'git branch', 'git checkout -B D'],
  ],
  'docker compose restart/stop/kill/down': [
    ['docker compose down', 'docker-compose -f a.yml stop', 'docker compose -p x restart'],
    ['docker compose up -d', 'docker compose ps'],
  ],
  'docker restart/stop/kill': [
    ['docker stop x', 'docker container kill x', 'docker restart x'],
    ['docker ps', 'docker run stop'],
  ],
  'stop/restart hermes gateway (kills running agents)': [
    ['hermes gateway restart', 'hermes -p x gateway stop'],
    ['hermes gateway status', 'hermes stop'],
  ],
  'hermes update (restarts gateway, kills running agents)': [
    ['hermes update'],
    ['hermes status', 'npm update hermes'],
  ],
  "start gateway outside systemd (use 'systemctl --user restart hermes-gateway')": [
    [
      'hermes gateway run &',
      'nohup hermes gateway run',
      'setsid hermes gateway run',
      'hermes gateway run & disown',
    ],
    ['hermes gateway run', 'hermes gateway status &'],
  ],
  'kill hermes/gateway process (self-termination)': [
    ['pkill hermes', 'killall -q gateway', 'pkill -f "hermes gateway"'],
    ['pkill node', 'grep hermes x'],
  ],
  'kill process via pgrep expansion (self-termination)': [
    ['kill $(pgrep x)', 'kill -9 "$(pgrep -f x)"'],
    ['kill 5', 'echo $(pgrep x)'],
  ],
  'kill process via backtick pgrep expansion (self-termination)': [['kill `pgrep x`'], ['echo `pgrep x`']],
  'xargs with rm': [
    ['ls | xargs rm', 'find . | xargs -0 -n 1 rm -f'],
    ['ls | xargs echo rm', 'rm x'],
  ],
  'find -exec/-execdir rm': [
    ['find . -exec rm {} ;', 'find . -execdir /bin/rm {} +', 'find . -name x -exec sudo rm {} \\;'],
    ['find . -exec ls {} ;', 'find rm'],
  ],
  'find -delete': [
    ['find . -delete', 'find /tmp -name x -delete'],
    ['find . -name delete', 'rsync -delete'],
  ],
  'sudo with privilege flag (stdin/askpass/shell/list)': [
    ['sudo -s', 'sudo -A ls', 'sudo --list', 'sudo -u x -S ls'],
    ['sudo ls -s', 'sudo ls', 'ls -S'],
  ],
  'sudo with combined-flag privilege escalation': [
    ['sudo -nS ls', 'sudo -ks'],
    ['sudo -n ls', 'sudo ls -ls'],
  ],
  'fork bomb': [[':(){ :|:& };:'], ['f(){ :; }']],
};

const options = { home: '/users/ann' };
const keysOf = (command: string) => dangerousKeys(normalise(command), undefined, options.home);

describe('the unconditional block list', () => {
  it('has examples for every rule', () => {
    expect(Object.keys(blocked).toSorted()).toEqual(
      [...blockRules.map((rule) => rule.why), forkBomb, sudoGuess].toSorted(),
    );
  });
  for (const [why, [bad, fine]] of Object.entries(blocked)) {
    it.each(bad)(`${why}: %s is blocked`, (command) => {
      expect(guardCommand(command, options)).toEqual({ verdict: 'blocked', keys: [], why });
    });
    it.each(fine)(`${why}: %s is not blocked`, (command) => {
      expect(guardCommand(command, options).verdict).not.toBe('blocked');
    });
  }
  it('lets a configured sudo password be used', () => {
    expect(guardCommand('sudo -S ls', { sudoPassword: true }).verdict).toBe('needs-approval');
  });
});

describe('commands that need consent', () => {
  it('has examples for every rule', () => {
    expect(Object.keys(dangerous).toSorted()).toEqual(
      [...dangerRules.map((rule) => rule.key), forkBombRule.key].toSorted(),
    );
  });
  for (const [key, [bad, fine]] of Object.entries(dangerous)) {
    it.each(bad)(`${key}: %s asks`, (command) => {
      expect(keysOf(command)).toContain(key);
      expect(guardCommand(command, options).verdict).not.toBe('allow');
    });
    it.each(fine)(`${key}: %s does not`, (command) => {
      expect(keysOf(command)).not.toContain(key);
    });
  }
  it.each([
    'ls -la',
    'npm test',
    'git status && git diff',
    'make -j4',
    'cat a | grep b | sort',
    'mkdir -p a/b',
    "python x.py 'a b'",
    'echo "$(date)"',
    'cd /tmp',
    'for i in 1 2; do echo $i; done',
  ])('everyday command %s runs without asking', (command) => {
    expect(guardCommand(command)).toEqual({ verdict: 'allow', keys: [], why: '' });
  });
  it('an allow-list covers a rule by its description and by the key of older releases', () => {
    const keys = ['recursive delete', 'git branch force delete'];
    expect(withoutAllowed(keys, [])).toEqual(keys);
    expect(withoutAllowed(keys, ['recursive delete'])).toEqual(['git branch force delete']);
    expect(withoutAllowed(keys, ['rm'])).toEqual(['git branch force delete']);
  });
});

describe('hostile input', () => {
  const repeated = [
    'rm -a ',
    '(',
    '$(',
    '`',
    '"',
    "'",
    'sudo ',
    'env -S ',
    'eval ',
    '${',
    '/../',
    '\u001b[',
    '\u001b]',
    'kill $(pgrep a)',
    'bash -c ',
    'find -exec ',
    'if ',
    'x;',
    'a()',
    '{a,',
    '<<A ',
    '<(',
    'chmod +x a;',
    'delete from ',
    ' ',
    '\\',
    '\n',
    '|',
    'echo a|sh;',
    'psql -c "drop ',
    'trap ',
    'ssh a ',
  ];
  // A quadratic rule would need minutes here and run into the time limit, an exponential one would not end.
  it.each(repeated)('100 KB of %j are judged', (piece) => {
    const command = piece.repeat(Math.ceil(100_000 / piece.length));
    expect(['allow', 'blocked', 'needs-approval']).toContain(guardCommand(command).verdict);
  });
  it('nothing hides behind nesting or padding', () => {
    for (const piece of repeated.filter(
      (each) => !/[#'"`\\\n<]|eval|ssh|trap|env|sudo|bash|psql|\u001b|\{|\$/.test(each),
    )) {
      const padded = `${piece.repeat(500)}\nrm -rf /`;
      expect(guardCommand(padded).verdict, piece).toBe('blocked');
    }
  });
  it('a block-listed command is blocked wherever a command may stand', () => {
    const before = fc.constantFrom(
      '',
      'ls; ',
      'a && ',
      'a || ',
      'a | ',
      '( ',
      '{ ',
      'x=$(',
      '! ',
      'if a; then ',
      'while ',
      'A=1 ',
      'sudo ',
      'exec ',
      'nohup ',
      '\n',
      '`',
    );
    fc.assert(
      fc.property(fc.array(before, { maxLength: 4 }), (prefixes) => {
        expect(guardCommand(`${prefixes.join('')}reboot`).verdict).toBe('blocked');
      }),
    );
  });
  it('never throws and never answers anything but a verdict', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 300, unit: fc.constantFrom(...' \n\t;&|()<>$`\'"\\{}#*?~/-rmfxEO=') }),
        (text) => {
          expect(['allow', 'blocked', 'needs-approval']).toContain(guardCommand(text).verdict);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
