/** Spellings that must be refused, by trick; and public counter-examples that must pass. */

export const refused: Readonly<Record<string, readonly string[]>> = {
  'schemes other than http': ['file:///etc/passwd', 'ftp://example.com/', 'gopher://example.com/_', 'data:text/plain,x', 'javascript:alert(1)', 'ws://example.com/'],
  'not absolute': ['', '/etc/passwd', '//example.com/', 'example.com', 'http://', 'http:///'],
  'user information': ['http://user@example.com/', 'http://user:password@example.com/', 'http://93.184.216.34@127.0.0.1/', 'http://example.com%40@example.com/'],
  loopback: ['http://127.0.0.1/', 'http://127.255.255.254/', 'http://[::1]/', 'http://[0:0:0:0:0:0:0:1]/', 'http://127.0.0.1./', 'http://127.0.0.1:8642/health'],
  unspecified: ['http://0.0.0.0/', 'http://0.1.2.3/', 'http://[::]/'],
  'unusual notations of IPv4': ['http://2130706433/', 'http://0x7f000001/', 'http://0x7f.0.0.1/', 'http://0177.0.0.1/', 'http://127.1/', 'http://127.0.1/', 'http://8.8.2056/', 'http://0x08080808/', 'http://08.8.8.8/', 'http://127..0.1/', 'http://999.1.1.1/', 'http://%31%32%37.0.0.1/', 'http://１２７.０.０.１/', 'http://127。0。0。1/', 'http:\\\\127.0.0.1\\', 'ht\ntp://127.0.0.1/', 'http://127.0.0.1\t/'],
  'malformed IPv6': ['http://[::::]/', 'http://[1:2:3]/', 'http://[fe80::1%25eth0]/'],
  'private IPv4': ['http://10.0.0.1/', 'http://172.16.0.1/', 'http://172.31.255.255/', 'http://192.168.1.1/'],
  'shared, reserved and documentation IPv4': ['http://100.64.0.1/', 'http://100.127.255.255/', 'http://192.0.0.1/', 'http://192.0.2.1/', 'http://192.88.99.1/', 'http://198.18.0.1/', 'http://198.19.255.255/', 'http://198.51.100.1/', 'http://203.0.113.1/', 'http://240.0.0.1/', 'http://255.255.255.255/'],
  multicast: ['http://224.0.0.1/', 'http://239.255.255.250/', 'http://[ff02::1]/'],
  'IPv6 of this network': ['http://[fe80::1]/', 'http://[fec0::1]/', 'http://[fc00::1]/', 'http://[fd12:3456:789a::1]/'],
  'reserved IPv6': ['http://[100::1]/', 'http://[2001:2::1]/', 'http://[2001:20::1]/', 'http://[2001:db8::1]/', 'http://[2001:100::1]/', 'http://[64:ff9b:1::808:808]/'],
  'IPv4 inside IPv6': ['http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/', 'http://[::ffff:0:127.0.0.1]/', 'http://[::127.0.0.1]/', 'http://[::ffff:10.0.0.1]/', 'http://[64:ff9b::127.0.0.1]/', 'http://[64:ff9b::a00:1]/', 'http://[2002:7f00:1::]/', 'http://[2002:c0a8:101::]/', 'http://[2001:0:0:0:0:0:80ff:fffe]/', 'http://[2606:4700::5efe:10.0.0.1]/', 'http://[2606:4700::200:5efe:192.168.0.1]/'],
  'names of this machine and network': ['http://localhost/', 'http://LOCALHOST./', 'http://localhost.localdomain/', 'http://app.localhost/', 'http://printer.local/', 'http://db.internal/'],
};

/** Refused also when private addresses are allowed. */
export const metadata: readonly string[] = [
  'http://169.254.169.254/latest/meta-data/',
  'http://169.254.170.2/v2/credentials',
  'http://169.254.169.253/',
  'http://169.254.0.1/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  'http://[fd00:0ec2:0:0::254]/',
  'http://100.100.100.200/latest/meta-data/',
  'http://168.63.129.16/machine',
  'http://[::ffff:169.254.169.254]/',
  'http://[::ffff:a9fe:a9fe]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[2002:a9fe:a9fe::]/',
  'http://metadata.google.internal/computeMetadata/v1/',
  'http://METADATA.google.internal./',
  'http://metadata.goog/',
  'http://2852039166/',
];

export const allowed: readonly string[] = [
  'http://93.184.216.34/',
  'https://198.17.255.255/',
  'http://198.20.0.1/',
  'http://223.255.255.255:8080/a?b=c',
  'http://[2606:4700:4700::1111]/',
  'http://[64:ff9b::8.8.8.8]/',
  'http://[2002:808:808::]/',
  'http://example.com/',
  'https://1password.com/',
  'http://0x.example.com/',
  'http://127.0.0.1.example.com/',
  'https://bücher.example/',
];
