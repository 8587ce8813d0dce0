/**
 * What Nix runs after each build, while it starts no other one: so a shell and not a second Node. It tells the dyno program
 * and waits for the answer, which comes at once unless much is unsaved. It never fails: Nix would stop the build.
 */
export function postBuildHook(port: number): string {
  return `#!/bin/bash
trap 'exit 0' EXIT
{ exec 3<>/dev/tcp/127.0.0.1/${port}; } 2>/dev/null || exit 0
printf 'POST /registered HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n' >&3
read -r _ <&3
`
}
