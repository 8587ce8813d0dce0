# shellcheck shell=bash disable=SC2154,SC2312 # bats sets what is not assigned here; a test ends at the first command that fails
# For bats: a served bucket with one build for each scenario (serve.ts), and builds of a small project by the three directories of
# https://devcenter.heroku.com/articles/buildpack-api.

ROOT="$(realpath "${BATS_TEST_DIRNAME}/../..")"
readonly ROOT

# Makes the project and starts the bucket. Sets COMMIT and TREE, and WORLD, the folder that serve.ts wrote to.
function world::start() {
	export WORLD="${BATS_FILE_TMPDIR}/world" COMMIT TREE
	mkdir "${WORLD}"
	world::make_project "${WORLD}/project"
	COMMIT="$(git -C "${WORLD}/project" rev-parse HEAD)"
	TREE="$(git -C "${WORLD}/project" rev-parse 'HEAD^{tree}')"
	mkfifo "${WORLD}/stop" "${WORLD}/said"
	# bats waits until nobody has its descriptor 3 any more.
	node "${ROOT}/test/buildpack/support/serve.ts" "${WORLD}" "${COMMIT}" "${TREE}" < "${WORLD}/stop" > "${WORLD}/said" 3>&- &
	exec {STOP}> "${WORLD}/stop"
	[[ "$(head --lines=1 "${WORLD}/said")" == ready ]]
}

function world::stop() {
	exec {STOP}>&-
	wait
}

# Makes a repository with one commit that has what a tree hash could be got wrong by.
function world::make_project() {
	local dir="${1}"

	mkdir --parents "${dir}/deep/er"
	echo '{}' > "${dir}/default.nix"
	printf '#!/bin/sh\r\n' > "${dir}/deep/er/a program"
	chmod +x "${dir}/deep/er/a program"
	ln --symbolic 'deep/nowhere' "${dir}/link"
	printf '*.log\n' > "${dir}/.gitignore"
	echo 'in a commit although ignored' > "${dir}/kept.log"
	printf '* text=auto eol=crlf\n*.nix ident filter=lfs\n' > "${dir}/.gitattributes"
	git -C "${dir}" init --quiet
	git -C "${dir}" config core.attributesFile /dev/null
	# As they are: what is in the commit is what will be in BUILD_DIR.
	echo '* -text -ident -filter' > "${dir}/.git/info/attributes"
	git -C "${dir}" add --force --all
	GIT_AUTHOR_DATE='2026-11-23T09:00:00Z' GIT_COMMITTER_DATE='2026-11-23T09:00:00Z' \
		git -C "${dir}" -c user.name=test -c user.email=test@example.com commit --quiet --message 'A project'
}

# Lays out the directories of a build that the test may change before it compiles.
#
# Usage: world::lay_out "${scenario}"
function world::lay_out() {
	export BUILD_DIR="${BATS_TEST_TMPDIR}/build" CACHE_DIR="${BATS_TEST_TMPDIR}/cache" ENV_DIR="${BATS_TEST_TMPDIR}/env"
	mkdir "${CACHE_DIR}"
	cp --recursive "${WORLD}/env" "${ENV_DIR}"
	printf '%s' "${1}" > "${ENV_DIR}/NIX_APP_NAME"
	cp --archive "${WORLD}/project" "${BUILD_DIR}"
	rm --recursive --force "${BUILD_DIR}/.git"
}

# Compiles what was laid out; SOURCE_VERSION is the first argument, the project's commit when absent.
function world::compile() {
	SOURCE_VERSION="${1-${COMMIT}}" STACK="${STACK:-heroku-24}" run world::in_root "${ROOT}/bin/compile" "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
}

# Runs a command, in the root that BUILD_ROOT names, if any: an image of standin/image.
function world::in_root() {
	if [[ -z "${BUILD_ROOT:-}" ]]; then
		"${@}"
		return
	fi
	bwrap --die-with-parent --unshare-pid --ro-bind "${BUILD_ROOT}/usr" /usr --ro-bind "${BUILD_ROOT}/etc" /etc \
		--symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/sbin /sbin \
		--dev /dev --proc /proc --bind "${BATS_RUN_TMPDIR}" "${BATS_RUN_TMPDIR}" --ro-bind "${ROOT}" "${ROOT}" \
		--setenv TMPDIR "${BATS_TEST_TMPDIR}" --chdir "${BATS_TEST_TMPDIR}" "${@}"
}

# Fails unless the build failed for a reason, with numbered things to do, and left nothing in the slug.
#
# Usage: world::expect_failure wrong-secret "what the message says"…
function world::expect_failure() {
	local reason="${1}"
	local text

	shift
	echo "${output}"
	[[ "${status}" -eq 1 ]]
	for text in ' !     Error: ' '1. ' "${@}"; do
		[[ "${output}" == *"${text}"* ]]
	done
	[[ "${output}" != *'ended with status'*'on line'* && "${output}" != *'sec"ret'* ]]
	world::expect_no_slug
	run world::in_root "${ROOT}/bin/report" "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	[[ "${output}" == *"failure_reason: \"${reason}\""* && "${output}" == *'total_duration: '* ]]
}

function world::expect_no_slug() {
	local left

	left="$(find "${BUILD_DIR}" -path '*/.heroku/nix/*' -o -name '.nixs*' -o -name 'result*' -o -path '*/.profile.d/*')"
	[[ -z "${left}" ]]
}

# Fails unless the slug holds the whole closure of the scenarios' builds, and nothing that is only ours to see.
#
# Usage: world::expect_slug [ANOTHER_FILE_OF_OURS]
function world::expect_slug() {
	echo "${output}"
	[[ "${status}" -eq 0 ]]
	cmp "${WORLD}/view/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-library/share/data" "${BUILD_DIR}/.nixs/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-library/share/data"
	[[ "$(readlink "${BUILD_DIR}/result")" == .nixs/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-hello ]]
	[[ "$(ls -A "${BUILD_DIR}/.heroku/nix")" == $'bin'"${1:+$'\n'}${1:-}"$'\nsource.json' ]]
	cmp "${ROOT}/buildpack/share/build" "${BUILD_DIR}/.heroku/nix/bin/build"
	cmp "${ROOT}/buildpack/share/run_result.sh" "${BUILD_DIR}/.heroku/nix/bin/run_result.sh"
	cmp "${ROOT}/buildpack/share/run_proot.sh" "${BUILD_DIR}/.heroku/nix/bin/run_proot.sh"
	cmp "${ROOT}/buildpack/share/nix.sh" "${BUILD_DIR}/.profile.d/nix.sh"
	[[ -x "${BUILD_DIR}/.heroku/nix/bin/build" && -x "${BUILD_DIR}/.heroku/nix/bin/run_result.sh" && -x "${BUILD_DIR}/.heroku/nix/bin/run_proot.sh" ]]
}
