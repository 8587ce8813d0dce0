#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2312 # bats sets status, output and lines; a test ends at the first command that fails
# bin/detect, bin/release and bin/report, which need no bucket.

load support/world.bash

@test "detect takes each Nix file at the root, near misses too" {
	local name
	for name in default.nix flake.nix shell.nix other.nix; do
		mkdir "${BATS_TEST_TMPDIR}/${name}"
		touch "${BATS_TEST_TMPDIR}/${name}/${name}"
		run world::in_root "${ROOT}/bin/detect" "${BATS_TEST_TMPDIR}/${name}"
		[[ "${status}" -eq 0 && "${output}" == Nix ]]
	done
}

@test "detect refuses an app without one, and says what it looked for" {
	mkdir --parents "${BATS_TEST_TMPDIR}/below" "${BATS_TEST_TMPDIR}/folder.nix"
	touch "${BATS_TEST_TMPDIR}/below/default.nix"
	run world::in_root "${ROOT}/bin/detect" "${BATS_TEST_TMPDIR}"
	[[ "${status}" -eq 1 && "${output}" == *'no Nix file at its root'* ]]
}

# Makes a slug whose result has these programs.
function make_result() {
	local program

	mkdir --parents "${BATS_TEST_TMPDIR}/.nixs/x/bin"
	ln --symbolic .nixs/x "${BATS_TEST_TMPDIR}/result"
	for program in "${@}"; do
		touch "${BATS_TEST_TMPDIR}/.nixs/x/bin/${program}"
		chmod +x "${BATS_TEST_TMPDIR}/.nixs/x/bin/${program}"
	done
}

readonly NOTHING=$'---\naddons: []\ndefault_process_types: {}'

@test "release makes the only program of the result the process type web" {
	make_result hello
	touch "${BATS_TEST_TMPDIR}/.nixs/x/bin/readme"
	ln --symbolic nowhere "${BATS_TEST_TMPDIR}/.nixs/x/bin/dangling"
	run world::in_root "${ROOT}/bin/release" "${BATS_TEST_TMPDIR}"
	[[ "${status}" -eq 0 && "${output}" == $'---\naddons: []\ndefault_process_types:\n  web: \'run_result.sh bin/hello\'' ]]
}

@test "release follows links to where the slug is going to be" {
	make_result
	mkdir "${BATS_TEST_TMPDIR}/.nixs/y"
	install --mode=0555 /dev/null "${BATS_TEST_TMPDIR}/.nixs/y/hello"
	ln --symbolic /app/.nixs/y/hello "${BATS_TEST_TMPDIR}/.nixs/x/bin/hello"
	run world::in_root "${ROOT}/bin/release" "${BATS_TEST_TMPDIR}"
	[[ "${output}" == *"web: 'run_result.sh bin/hello'" ]]
}

@test "release leaves the choice to a Procfile" {
	make_result hello
	touch "${BATS_TEST_TMPDIR}/Procfile"
	run world::in_root "${ROOT}/bin/release" "${BATS_TEST_TMPDIR}"
	[[ "${output}" == "${NOTHING}" ]]
}

@test "release chooses none of several programs, and none where there is no result" {
	run world::in_root "${ROOT}/bin/release" "${BATS_TEST_TMPDIR}"
	[[ "${output}" == "${NOTHING}" ]]
	make_result one two
	run world::in_root "${ROOT}/bin/release" "${BATS_TEST_TMPDIR}"
	[[ "${output}" == "${NOTHING}" ]]
}

@test "report prints nothing where nothing is known" {
	run world::in_root "${ROOT}/bin/report" "${BATS_TEST_TMPDIR}" "${BATS_TEST_TMPDIR}" "${BATS_TEST_TMPDIR}"
	[[ "${status}" -eq 0 && -z "${output}" ]]
}
