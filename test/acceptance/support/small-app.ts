/** A web app of one derivation that needs nothing but what a dyno has: builds in a second. */
export function smallApp({page = 'Hello', name = 'small', script = '', attributes = ''}: {page?: string; name?: string; script?: string; attributes?: string} = {}): Record<string, string> {
  return {
    'default.nix': `derivation {
  name = "${name}";
  system = "x86_64-linux";
  builder = "/bin/bash";
  src = ./webserver;
  ${attributes}
  args = [ "-c" ''
    set -e
    export PATH=/usr/bin:/bin
    ${script}
    mkdir -p $out/bin
    cp $src $out/bin/webserver
    chmod +x $out/bin/webserver
  '' ];
}
`,
    webserver: `#!/usr/bin/perl
use IO::Socket::INET;
my $page = "${page}\\n";
my $server = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {
  while (<$client>) { last if /^\\r?\\n$/ }
  print $client "HTTP/1.1 200 OK\\r\\nContent-Length: " . length($page) . "\\r\\nConnection: close\\r\\n\\r\\n$page";
  close $client;
}
`,
    Procfile: 'web: run_result.sh bin/webserver\n',
  }
}

/** The same of a dozen derivations that need each other, each with something to do. @param text makes all of them others */
export function manyParts(text: string): Record<string, string> {
  const part = (name: string, needs: readonly string[]) => `  ${name} = derivation {
    name = "${name}"; system = "x86_64-linux"; builder = "/bin/bash"; needs = [ ${needs.join(' ')} ];
    args = [ "-c" "export PATH=/usr/bin:/bin; mkdir $out; seq 200000 > $out/numbers; echo ${text} ${name} $needs > $out/needs" ];
  };\n`
  const parts = ['one', 'two', 'three', 'four', 'five'].flatMap(name => [part(name, ['base']), part(`${name}-more`, [name, 'base'])])
  const {'default.nix': web = '', ...rest} = smallApp({page: 'Hello from Nix', attributes: 'needs = [ one-more two-more three-more four-more five-more ];', script: 'echo $needs'})
  return {...rest, 'default.nix': `let\n${part('base', [])}${parts.join('')}in ${web.replace('echo $needs', `echo ${text} $needs; mkdir -p $out; echo $needs > $out/needs`)}`}
}
