import type {Privilege} from './jail.ts'

export interface MachineFacts {
  privilege: Privilege
  /** Ubuntu 23.10 and newer: only programs with an AppArmor profile that says so may make user namespaces */
  apparmorRestricts: boolean
  namespacesOff: boolean
  container: boolean
}

/** What to allow so that bwrap can build the jail: first what is known to stand in the way here; all there is when nothing is. */
export function jailAdvice({privilege, apparmorRestricts, namespacesOff, container}: MachineFacts): string[] {
  const asUser = privilege === 'user'
  const ways = [
    {applies: asUser && apparmorRestricts, lines: [
      'sudo sysctl --write kernel.apparmor_restrict_unprivileged_userns=0   (Ubuntu 23.10 and newer)',
      "or for bwrap alone: echo 'abi <abi/4.0>, include <tunables/global> profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }'"
      + ' | sudo tee /etc/apparmor.d/bwrap && sudo apparmor_parser --replace /etc/apparmor.d/bwrap',
    ]},
    {applies: asUser && namespacesOff, lines: ['sudo sysctl --write user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1']},
    {applies: container, lines: [
      'docker run --privileged …',
      'or docker run --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …',
    ]},
  ]
  const applying = ways.filter(({applies}) => applies)
  const shown = (applying.length > 0 ? applying : ways.slice(asUser ? 0 : 2)).flatMap(({lines}) => lines)
  return asUser ? [...shown, 'or run the stand-in as root (sudo): it then needs no user namespaces'] : shown
}
