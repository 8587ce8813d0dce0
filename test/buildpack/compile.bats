#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2312,SC2016 # bats sets status, output and lines; a test ends at the first command that fails

load support/world.bash

setup_file() { world::start; }
teardown_file() { world::stop; }

@test "restores the build of the pushed commit" {
	world::lay_out whole
	world::compile
	world::expect_slug
	[[ "${lines[0]}" == "-----> Restoring build 20261123-093000-ab12 of this commit, ${COMMIT:0:10}" ]]
	[[ "${lines[1]}" =~ ^\ +3\.0\ MB\ fetched,\ 3\.0\ MB\ unpacked,\ digest\ checked,\ in\ [0-9.]+\ s$ ]]
	[[ "${#lines[@]}" -eq 2 ]]
	[[ "$(jq --compact-output '[.format, .tree, .source, .engine, .result]' "${BUILD_DIR}/.heroku/nix/source.json")" == "[1,\"${TREE}\",\"$(printf 'c%.0s' {1..64})\",\"relocate\",\"/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-hello\"]" ]]
	run world::in_root "${ROOT}/bin/report" "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	[[ "${output}" == *'restored: "commit"'* && "${output}" == *'build: "20261123-093000-ab12"'* && "${output}" == *'layer_bytes: '* ]]
}

@test "restores with gzip where zstd reads none" {
	world::lay_out whole
	mkdir "${BATS_TEST_TMPDIR}/bin"
	printf '#!/bin/sh\necho asked >> %s\nexit 1\n' "${BATS_TEST_TMPDIR}/asked" > "${BATS_TEST_TMPDIR}/bin/zstd"
	chmod +x "${BATS_TEST_TMPDIR}/bin/zstd"
	PATH="${BATS_TEST_TMPDIR}/bin:${PATH}" world::compile
	world::expect_slug
	[[ "$(< "${BATS_TEST_TMPDIR}/asked")" == asked ]]
}

@test "restores the build of an equal tree when SOURCE_VERSION is another commit, no commit, or empty" {
	local version
	for version in 0123456789012345678901234567890123456789 main ''; do
		world::lay_out worktree
		printf 1 > "${ENV_DIR}/NIX_REQUIRE_COMMIT"
		world::compile "${version}"
		world::expect_slug
		[[ "${lines[0]}" == "-----> Restoring build 20261123-093000-ab12 of this very tree, ${TREE:0:10}" ]]
		rm --recursive "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	done
}

@test "restores the newest build for what was not built, and names both commits" {
	world::lay_out older
	echo changed > "${BUILD_DIR}/default.nix"
	world::compile
	world::expect_slug source.files
	[[ "${output}" == *" !     Pushed:   commit ${COMMIT}"* ]]
	[[ "${output}" == *" !     Restored: build 20261123-093000-ab12 of commit dddddddddddddddddddddddddddddddddddddddd"* ]]
	[[ "${output}" == *"-----> Restoring build 20261123-093000-ab12, the newest that succeeded"* ]]
	[[ "$(jq .tree "${BUILD_DIR}/.heroku/nix/source.json")" == null ]]
	# "heroku run build" builds what was pushed, out of these files.
	git -C "${WORLD}/project" ls-files -z | cmp - <(cut --zero-terminated --fields=2 "${BUILD_DIR}/.heroku/nix/source.files")
	[[ "$(jq --raw-output .pushed.commit "${BUILD_DIR}/.heroku/nix/source.json")" == "${COMMIT}" ]]
}

@test "takes a flake.nix for something to build" {
	world::lay_out older
	mv "${BUILD_DIR}/default.nix" "${BUILD_DIR}/flake.nix"
	world::compile
	world::expect_slug source.files
	[[ "${output}" == *'What was pushed has not been built; an older build is released.'* ]]
}

@test "names the tree of a newest build that no commit held" {
	world::lay_out older-uncommitted
	world::compile ''
	world::expect_slug source.files
	[[ "${output}" == *'Pushed:   something whose commit is not known'* ]]
	[[ "${output}" == *'of tree eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee, which no commit held'* ]]
}

@test "fails for what was not built when NIX_REQUIRE_COMMIT is set" {
	world::lay_out older
	printf 1 > "${ENV_DIR}/NIX_REQUIRE_COMMIT"
	world::compile
	world::expect_failure not-built "${COMMIT} was pushed" 'dddddddddddddddddddddddddddddddddddddddd' 'heroku nix:build'
}

@test "succeeds without any build, sets up, and says what to type" {
	world::lay_out nothing
	world::compile
	[[ "${status}" -eq 0 ]]
	[[ "${output}" == *'1. heroku nix:build'*'2. heroku nix:redeploy, or push again'* ]]
	[[ -x "${BUILD_DIR}/.heroku/nix/bin/build" && -f "${BUILD_DIR}/.profile.d/nix.sh" && ! -e "${BUILD_DIR}/result" ]]
}

@test "builds what was not built when NIX_BUILD_ON_PUSH is set, and only then" {
	local value
	world::lay_out nothing
	printf 1 > "${ENV_DIR}/NIX_BUILD_ON_PUSH"
	world::compile
	# Which needs the program that dynos run.
	world::expect_failure not-set-up 'no config var NIX_TOOLBOX'
	for value in no '' 0 FALSE; do
		printf '%s' "${value}" > "${ENV_DIR}/NIX_BUILD_ON_PUSH"
		world::compile
		[[ "${status}" -eq 0 && "${output}" == *'heroku nix:build'* ]]
	done
	rm --recursive "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	world::lay_out whole
	printf 1 > "${ENV_DIR}/NIX_BUILD_ON_PUSH"
	world::compile
	world::expect_slug
}

@test "takes a connection that breaks once for what it is" {
	world::lay_out breaking-once
	world::compile
	world::expect_slug
}

@test "restores the layer that was pruned by the pushed .slugexclude before, without Node" {
	world::lay_out pruned-before
	printf -- '- /store/*/share/\n' > "${BUILD_DIR}/.slugexclude"
	world::compile
	echo "${output}"
	[[ "${status}" -eq 0 && "${output}" == *'Pruned by the pushed .slugexclude, which is not the build'*'MB fetched'* ]]
	[[ -e "${BUILD_DIR}/result/bin" && ! -e "${BUILD_DIR}/.nixs/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-library/share" ]]
	[[ ! -e "${CACHE_DIR}/heroku-nix/tools" ]]
	run world::in_root "${ROOT}/bin/report" "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	[[ "${output}" == *'slugexclude: "pruned-before"'* ]]
}

@test "does not trust a layer that another key signed" {
	world::lay_out pruned-by-somebody
	printf -- '- /store/*/share/\n' > "${BUILD_DIR}/.slugexclude"
	world::compile
	[[ "${output}" == *'example-app-1.json is not signed with NIX_SIGNING_KEY'*'so it is not used'*'Pruning anew'* ]]
	# Which needs the program that dynos run.
	world::expect_failure not-set-up 'no config var NIX_TOOLBOX'
}

@test "takes the build's layer where .slugexclude is the build's" {
	world::lay_out pruned
	printf -- '- store/*/share\n' > "${BUILD_DIR}/.slugexclude"
	world::compile
	world::expect_slug
	[[ "${output}" != *.slugexclude* ]]
}

@test "restores the build that SOURCE_VERSION asks for, whatever was pushed" {
	local version
	for version in "0123456789012345678901234567890123456789+20261123-093000-ab12" 20261123-093000-ab12; do
		world::lay_out older
		world::compile "${version}"
		world::expect_slug
		[[ "${lines[0]}" == '-----> Restoring build 20261123-093000-ab12, which was asked for' ]]
		rm --recursive "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	done
}

@test "fails where the build that is asked for is gone, and takes no other" {
	world::lay_out whole
	world::compile "${COMMIT}+20261123-093000-zz99"
	world::expect_failure build-gone 'no build 20261123-093000-zz99 of whole'
}

@test "leaves out what the project has in our places, and says so" {
	world::lay_out whole
	mkdir --parents "${BUILD_DIR}/.nixs" "${BUILD_DIR}/result" "${BUILD_DIR}/.heroku/nix" "${BUILD_DIR}/.heroku/other" "${BUILD_DIR}/.profile.d"
	touch "${BUILD_DIR}"/{.nixs,result,.heroku/nix,.heroku/other}/mine "${BUILD_DIR}/.profile.d/"{nix,mine}.sh
	world::compile
	world::expect_slug
	local name
	for name in .nixs result .heroku/nix .profile.d/nix.sh; do
		[[ "${output}" == *"The project's own ${name} is left out of the slug"* ]]
	done
	[[ -e "${BUILD_DIR}/.heroku/other/mine" && -e "${BUILD_DIR}/.profile.d/mine.sh" && ! -e "${BUILD_DIR}/.nixs/mine" ]]
}

@test "reads only ENV_DIR, and gives no secret to a child" {
	world::lay_out whole
	mkdir "${BATS_TEST_TMPDIR}/bin"
	cat > "${BATS_TEST_TMPDIR}/bin/curl" <<- 'EOT'
		#!/bin/bash
		{ env; printf '%s\n' "${@}"; } >> "${SEEN}"
		exec /usr/bin/curl "${@}"
	EOT
	chmod +x "${BATS_TEST_TMPDIR}/bin/curl"
	SEEN="${BATS_TEST_TMPDIR}/seen" NIX_S3_SECRET=of-the-environment NIX_S3_BUCKET=other PATH="${BATS_TEST_TMPDIR}/bin:${PATH}" world::compile
	world::expect_slug
	run grep --extended-regexp 'NIX_(S3|APP|SIGNING)|sec"ret|of-the-env|KEY:' "${BATS_TEST_TMPDIR}/seen"
	echo "${output}"
	[[ "${status}" -eq 1 ]]
}

@test "works by hand, as herokuish calls it: detect, compile and release with three directories and nothing in the environment" {
	world::lay_out worktree
	run world::in_root env --ignore-environment "PATH=${PATH}" "${ROOT}/bin/detect" "${BUILD_DIR}"
	[[ "${status}" -eq 0 && "${output}" == Nix ]]
	run world::in_root env --ignore-environment "PATH=${PATH}" "${ROOT}/bin/compile" "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	world::expect_slug
	[[ "${output}" == *'of this very tree'* ]]
	run world::in_root env --ignore-environment "PATH=${PATH}" "${ROOT}/bin/release" "${BUILD_DIR}"
	[[ "${status}" -eq 0 && "${output}" == *"web: 'run_result.sh bin/hello'" ]]
}

@test "takes odd text in SOURCE_VERSION for no commit, and runs none of it" {
	local version
	for version in $'x\n'"${COMMIT}" "\$(touch ${BATS_TEST_TMPDIR}/ran)" '../../../newest' "${COMMIT}/../x" '-rf *' "'; touch ran"; do
		world::lay_out worktree
		world::compile "${version}"
		world::expect_slug
		[[ "${output}" == *'of this very tree'* && ! -e "${BATS_TEST_TMPDIR}/ran" ]]
		rm --recursive "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	done
}

@test "takes files of any name in BUILD_DIR" {
	local name
	local -a names=('-rf' '--help' ' ' $'line\nbreak' '$(touch ran)' '*' ':(top)x' $'not-utf8-\xff')
	world::lay_out older
	for name in "${names[@]}"; do
		printf '%s' x > "${BUILD_DIR}/${name}"
	done
	mkdir --parents "${BUILD_DIR}/.git" "${BUILD_DIR}/sub/.git"
	echo 'ref: refs/heads/main' > "${BUILD_DIR}/sub/.git/HEAD"
	world::compile
	world::expect_slug source.files
	for name in "${names[@]}"; do
		[[ "$(< "${BUILD_DIR}/${name}")" == x ]]
		# One NUL ends each of the list's entries, so a line break of a name becomes another byte.
		tr '\0\n' '\n\1' < "${BUILD_DIR}/.heroku/nix/source.files" | cut --fields=2 |
			grep --quiet --text --fixed-strings --line-regexp -e "$(tr '\n' '\1' <<< "${name}" | head --bytes=-1)"
	done
}
